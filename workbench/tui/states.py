"""How the state of a run looks: a glyph and its word, in one colour, everywhere the same."""

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

_PAUSED = ("‖", "warning")


def state_text(status: Status, colours: Mapping[str, str]) -> Text:
    """The state for a table, in the ``colours`` of the theme, with the place of one that waits."""
    if status.is_paused:
        glyph, colour = _PAUSED
        return Text(f"{glyph} {status.label}", colours[colour])
    glyph, colour = _GLYPHS[status.state]
    place = (
        f", {ordinal(status.queue_position)}"
        if status.state == "queued" and status.queue_position
        else ""
    )
    return Text(f"{glyph} {status.state}{place}", colours[colour])


def state_content(status: Status) -> Content:
    """The state for a line of its own, with the worker's process while there is one."""
    glyph, colour = _PAUSED if status.is_paused else _GLYPHS[status.state]
    detached = f" (detached, pid {status.pid})" if status.live and status.pid else ""
    return Content.assemble((f"{glyph} {status.label}", f"bold ${colour}"), (detached, "dim"))
