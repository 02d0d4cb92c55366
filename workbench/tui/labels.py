"""Short texts that several screens and widgets share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

if TYPE_CHECKING:
    from collections.abc import Iterable

_GAP = "   "


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
