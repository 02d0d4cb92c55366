"""The newest numbers of a run, in one calm line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from workbench.core.formatting import number
from workbench.tui.labels import short

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.view import RunView

_FIGURES: tuple[tuple[str, str, str, Callable[[float], str]], ...] = (
    ("loss", "train", "loss", lambda value: f"{value:.3f}"),
    ("evaluation", "eval", "loss", lambda value: f"{value:.3f}"),
    ("KL to base", "retention", "kl", lambda value: f"{value:.3f}"),
    ("ΔNLL", "retention", "delta_nll", lambda value: f"{value:+.3f}"),
    ("learning rate", "train", "learning_rate", lambda value: number(value, 3)),
    ("gradient norm", "train", "gradient_norm", lambda value: f"{value:.2f}"),
    ("epoch", "train", "epoch", lambda value: f"{value:.2f}"),
    ("tokens seen", "train", "tokens", short),
)


def figures(view: RunView) -> Content:
    """Label and value of everything that has been measured."""
    known = [
        (label, words(value))
        for label, kind, name, words in _FIGURES
        if (value := view.value(kind, name)) is not None
    ]
    parts = [Content.assemble((f"{label} ", "dim"), (value, "bold")) for label, value in known]
    return Content("   ").join(parts)


class Figures(Static):
    """One line, two where there is no room for one."""

    DEFAULT_CSS = """
    Figures { height: auto; max-height: 2; padding: 0 2; }
    """

    def show(self, view: RunView) -> None:
        """Show a newer view."""
        line = figures(view)
        self.display = bool(line.plain)
        self.update(line)
