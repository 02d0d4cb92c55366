"""The keys that do something with the answers now, on the border of the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

if TYPE_CHECKING:
    from textual.screen import Screen

_MODIFIER = "alt+"
_ORDER = ("better", "view", "mark", "to_suite", "copy", "blind")
"""Actions in the order in which they are offered; the rest is in the help and the palette."""


def hints(screen: Screen[Any]) -> Content:
    """Letter and label of every command on alt and a letter that could be run now."""
    offered = [
        (active.binding.action.partition("(")[0], key.removeprefix(_MODIFIER), active.binding)
        for key, active in screen.active_bindings.items()
        if key.startswith(_MODIFIER) and active.enabled
    ]
    known = sorted(
        (each for each in offered if each[0] in _ORDER), key=lambda each: _ORDER.index(each[0])
    )
    if not known:
        return Content("")
    parts = [
        Content.assemble((letter, "$primary"), f" {binding.description}")
        for _, letter, binding in known
    ]
    return Content.assemble((f"{_MODIFIER} ", "$primary"), Content("  ").join(parts))
