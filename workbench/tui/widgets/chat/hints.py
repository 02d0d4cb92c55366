"""The alt keys that apply to the answers now, for the border of the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

if TYPE_CHECKING:
    from textual.screen import Screen

_MODIFIER = "alt+"
_ORDER = ("judge", "show_differences", "show_surprise", "annotate", "add_probe", "copy", "blind")
"""The actions that are offered, in order; the others are in the help and the palette."""


def key_hints(screen: Screen[Any]) -> Content:
    """Letter and label of every offered command with an alt key that applies now."""
    offered = [
        (_ORDER.index(action), key.removeprefix(_MODIFIER), active.binding.description)
        for key, active in screen.active_bindings.items()
        if key.startswith(_MODIFIER)
        and active.enabled
        and (action := active.binding.action.partition("(")[0]) in _ORDER
    ]
    if not offered:
        return Content("")
    offered.sort(key=lambda hint: hint[0])
    parts = [Content.assemble((letter, "$primary"), f" {label}") for _, letter, label in offered]
    return Content.assemble((f"{_MODIFIER} ", "$primary"), Content("  ").join(parts))
