"""How the state of a run is written: a glyph and a word in one colour, the same on every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from workbench.runs.status import ordinal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.runs.status import State, Status

_GLYPHS: dict[State, tuple[str, str]] = {
    "queued": ("◌", "secondary"),
    "starting": ("◔", "primary"),
    "running": ("●", "success"),
    "stopping": ("◑", "warning"),
    "finished": ("✓", "success"),
    "stopped": ("■", "warning"),
    "failed": ("✗", "error"),
    "lost": ("?", "error"),
}
"""Glyph and theme colour of every state."""
_PAUSED = ("‖", "warning")
_UNRESPONSIVE = ("?", "warning")


def state_text(status: Status, colours: Mapping[str, str]) -> Text:
    """A run's state for a table, in the ``colours`` of the theme, with its place in the queue."""
    if status.is_paused:
        glyph, colour = _PAUSED
        return Text(f"{glyph} {status.label}", colours[colour])
    glyph, colour = _GLYPHS[status.state]
    if status.is_unresponsive:
        return Text(f"{_UNRESPONSIVE[0]} {status.label}", colours[_UNRESPONSIVE[1]])
    if not status.readable:
        return Text(f"{glyph} {status.label}", colours[colour])
    place = (
        f", {ordinal(status.queue_position)}"
        if status.state == "queued" and status.queue_position
        else ""
    )
    return Text(f"{glyph} {status.state}{place}", colours[colour])


def state_content(status: Status) -> Content:
    """A run's state for a line of text, with the pid of a live worker."""
    glyph, colour = _PAUSED if status.is_paused else _GLYPHS[status.state]
    if status.is_unresponsive:
        glyph, colour = _UNRESPONSIVE
    detached = f" (detached, pid {status.pid})" if status.live and status.pid else ""
    return Content.assemble((f"{glyph} {status.label}", f"bold ${colour}"), (detached, "dim"))
