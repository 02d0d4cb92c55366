"""One declaration of a command feeds its key, the footer, the palette and the help screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Provider

if TYPE_CHECKING:
    from textual.command import Hits
    from textual.dom import DOMNode
    from textual.screen import Screen


def command(
    keys: str,
    action: str,
    label: str,
    help: str,  # noqa: A002 - the word a reader looks for
    *,
    id: str = "",  # noqa: A002 - Textual's word
    footer: bool = True,
    priority: bool = False,
) -> Binding:
    """Declare a command of a screen.

    Args:
        keys: Comma-separated keys; the first is shown.
        action: The Textual action it runs.
        label: A word or two for the footer and the palette.
        help: One sentence for the help screen and the palette; a binding without it is in neither.
        id: Names the command in a keymap; by default the action does.
        footer: Whether the footer has room for it.
        priority: Whether it takes precedence over the focused widget's own keys.
    """
    return Binding(
        keys, action, label, show=footer, tooltip=help, id=id or action, priority=priority
    )


@dataclass(frozen=True)
class Entry:
    """A command within reach, with all its keys."""

    keys: tuple[str, ...]
    label: str
    help: str
    action: str
    node: DOMNode
    enabled: bool


def commands_of(screen: Screen[Any]) -> list[Entry]:
    """Every command within reach of ``screen``: its own first, then the app's."""
    entries: dict[str, Entry] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.tooltip:
            continue
        key = screen.app.get_key_display(binding)
        if entry := entries.get(binding.action):
            entries[binding.action] = replace(entry, keys=(*entry.keys, key))
        else:
            entries[binding.action] = Entry(
                keys=(key,),
                label=binding.description,
                help=binding.tooltip,
                action=binding.action,
                node=active.node,
                enabled=active.enabled,
            )
    return list(entries.values())


class Commands(Provider):
    """The palette: the same commands as the keys, found by typing."""

    async def discover(self) -> Hits:
        """Offer every command before the user has typed."""
        for entry in self._entries():
            yield DiscoveryHit(entry.label, self._runner(entry), help=entry.help)

    async def search(self, query: str) -> Hits:
        """Offer the commands whose label or help matches ``query``."""
        matcher = self.matcher(query)
        for entry in self._entries():
            score = max(matcher.match(entry.label), 0.8 * matcher.match(entry.help))
            if score > 0:
                label = matcher.highlight(entry.label)
                yield Hit(score, label, self._runner(entry), help=entry.help)

    def _entries(self) -> list[Entry]:
        return [entry for entry in commands_of(self.screen) if entry.enabled]

    def _runner(self, entry: Entry) -> Any:
        return partial(self.app.run_action, entry.action, entry.node)
