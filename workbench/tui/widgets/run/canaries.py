"""Canary prompts: the first answer of the model and its newest, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from workbench.core.sanitize import visible
from workbench.tui.widgets.run.live_view import LiveView

if TYPE_CHECKING:
    from workbench.runs.view import Canary

_LINES = 3
"""Lines of one canary."""


def word_overlap(canary: Canary) -> float:
    """Jaccard index of the words of both answers, 0 to 1."""
    first, newest = set(canary.first.casefold().split()), set(canary.newest.casefold().split())
    return len(first & newest) / len(first | newest) if first | newest else 1.0


def canary_lines(canary: Canary) -> Content:
    """The prompt, the first answer and, once asked again, the newest, one line each."""
    again = canary.newest_step != canary.first_step
    if not again:
        mark = Content.styled("  asked once", "dim")
    elif canary.newest != canary.first:
        mark = Content.styled("  ◀ changed", "$text-warning")
    else:
        mark = Content.styled("  unchanged", "$text-success")
    width = len(f"step {canary.newest_step:,}")
    return Content("\n").join(
        [
            Content.assemble(("canary ", "dim"), (_one_line(canary.prompt), "bold $primary"), mark),
            _answer(canary.first_step, canary.first, width),
            *([_answer(canary.newest_step, canary.newest, width)] if again else []),
        ]
    )


def _answer(step: int, answer: str, width: int) -> Content:
    label = f"step {step:,}"
    return Content.assemble((f"{label:>{width}}  ", "dim"), _one_line(answer) or "(nothing)")


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


class Canaries(Widget):
    """As many canaries as there is room for, the most changed first."""

    DEFAULT_CSS: ClassVar[str] = """
    Canaries { height: 3; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    view: reactive[LiveView] = reactive(LiveView())

    def watch_view(self, view: LiveView) -> None:
        self.display = bool(view.run and view.run.canaries)

    def render(self) -> Content:
        canaries = self.view.run.canaries if self.view.run else ()
        room = max(self.size.height // _LINES, 1)
        most_changed = sorted(canaries, key=word_overlap)[:room]
        return Content("\n").join(map(canary_lines, most_changed))
