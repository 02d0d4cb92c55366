"""The upper border of a pane, with a name at its left end and a badge at its right end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

if TYPE_CHECKING:
    from textual.style import Style

CORNERS = 6
"""Cells of the border that a title cannot cover."""
_GAP = 2
_SHORTEST_NAME = 8


def spread(name: Content, badge: Content, width: int, rule: Style) -> Content:
    """Put ``name`` and ``badge`` at the two ends of a border of ``width`` cells.

    The name is truncated if both do not fit, and the badge left out if even that does not help.
    """
    room = width - CORNERS
    left = room - badge.cell_length - _GAP - 1
    if not badge or left < _SHORTEST_NAME:
        return name
    name = name.truncate(left, ellipsis=True)
    line = "─" * (room - name.cell_length - badge.cell_length - _GAP)
    return Content.assemble(name, " ", (line, rule), " ", badge)
