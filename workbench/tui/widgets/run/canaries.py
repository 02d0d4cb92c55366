"""Canary prompts: what the model answered at first, and what it answers now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from workbench.runs.view import Canary, RunView

_LINES = 3
"""Lines of one canary."""


def kept_words(canary: Canary) -> float:
    """Share of the words of both answers that stand in both, 0 to 1."""
    first, newest = set(canary.first.casefold().split()), set(canary.newest.casefold().split())
    return len(first & newest) / len(first | newest) if first | newest else 1.0


def canary_lines(canary: Canary) -> Content:
    """The prompt, the first answer and the newest, one line each."""
    changed = canary.newest != canary.first
    if canary.newest_step == canary.first_step:
        mark = Content.styled("  asked once", "dim")
    elif changed:
        mark = Content.styled("  ◀ changed", "$text-warning")
    else:
        mark = Content.styled("  the same", "$text-success")
    width = len(f"step {canary.newest_step:,}")
    return Content("\n").join(
        [
            Content.assemble(("canary ", "dim"), (_one_line(canary.prompt), "bold $primary"), mark),
            _answer(canary.first_step, canary.first, width),
            _answer(canary.newest_step, canary.newest, width),
        ]
    )


def _answer(step: int, answer: str, width: int) -> Content:
    label = f"step {step:,}"
    return Content.assemble((f"{label:>{width}}  ", "dim"), _one_line(answer) or "(nothing)")


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


class Canaries(Static):
    """As many canaries as there is room for, those first that changed most."""

    DEFAULT_CSS = """
    Canaries { height: 3; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, view: RunView) -> None:
        """Show a newer view."""
        self.display = bool(view.canaries)
        room = max(self.size.height // _LINES, 1)
        shown = sorted(view.canaries, key=kept_words)[:room]
        self.update(Content("\n").join(map(canary_lines, shown)))
