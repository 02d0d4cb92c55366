"""The newest numbers of a run, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from workbench.core.formatting import compact, number
from workbench.tui.labels import packed
from workbench.tui.widgets.run.live_view import LiveView

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
    ("tokens seen", "train", "tokens", compact),
)

_UNKNOWN_WIDTH = 76
"""Cells to lay out for before the widget has been shown."""


def figures(view: RunView) -> list[Content]:
    """Label and newest value of everything that has been measured."""
    return [
        Content.assemble(
            (f"{label} ", "dim"),
            (format_value(value), "bold"),
            *(_apart(view) if name == "kl" else ()),
        )
        for label, kind, name, format_value in _FIGURES
        if (value := view.value(kind, name)) is not None
    ]


def _apart(view: RunView) -> tuple[str | tuple[str, str], ...]:
    """The KL at the opening of answers and over the body, where answers were measured."""
    opening, body = view.value("retention", "kl_opening"), view.value("retention", "kl_body")
    if opening is None or body is None:
        return ()
    return (
        (" opening ", "dim"),
        (f"{opening:.3f}", "bold"),
        (" body ", "dim"),
        (f"{body:.3f}", "bold"),
    )


class Figures(Static):
    """One line, or two on narrow terminals; hidden until something is measured."""

    DEFAULT_CSS: ClassVar[str] = """
    Figures { height: auto; max-height: 2; padding: 0 2; }
    """

    view: var[LiveView] = var(LiveView())

    def watch_view(self) -> None:
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        parts = figures(self.view.run) if self.view.run else []
        self.display = bool(parts)
        self.update(packed(parts, self.content_size.width or _UNKNOWN_WIDTH))
