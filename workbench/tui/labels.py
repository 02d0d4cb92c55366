"""Short texts that several screens and widgets share: run states, letters, bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from workbench.runs.status import ordinal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
_GAP = "   "


def state_text(status: Status, colours: Mapping[str, str]) -> Text:
    """A run's state for a table, in the ``colours`` of the theme, with its place in the queue."""
    if status.stands_still:
        glyph, colour = _PAUSED
        return Text(f"{glyph} {status.words}", colours[colour])
    glyph, colour = _GLYPHS[status.state]
    place = f", {ordinal(status.place)}" if status.state == "queued" and status.place else ""
    return Text(f"{glyph} {status.state}{place}", colours[colour])


def state_content(status: Status) -> Content:
    """A run's state for a line of text, with the pid of a live worker."""
    glyph, colour = _PAUSED if status.stands_still else _GLYPHS[status.state]
    detached = f" (detached, pid {status.pid})" if status.live and status.pid else ""
    return Content.assemble((f"{glyph} {status.words}", f"bold ${colour}"), (detached, "dim"))


def truncate(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells, with an ellipsis where something is cut off."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def run_letter(place: int) -> str:
    """The letter of the run at ``place`` among compared runs, starting at A."""
    return chr(ord("A") + place)


def packed(parts: Iterable[Content], width: int) -> Content:
    """The parts in as few lines of ``width`` cells as possible, none of them broken."""
    lines: list[Content] = []
    for part in parts:
        if lines and lines[-1].cell_length + len(_GAP) + part.cell_length <= width:
            lines[-1] = Content(_GAP).join((lines[-1], part))
        else:
            lines.append(part)
    return Content("\n").join(lines)


def bar(share: float, width: int) -> tuple[str, str]:
    """A progress bar of ``width`` cells: the part done and the part left."""
    done = round(max(0.0, min(1.0, share)) * width) or int(share > 0)
    return "━" * done, "─" * (width - done)
