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
    footer: bool = True,
    priority: bool = False,
) -> Binding:
    """Declare a command of a screen.

    Args:
        keys: Comma-separated keys; the first is the one shown.
        action: The Textual action it runs.
        label: A word or two for the footer and the palette.
        help: One sentence for the help screen and the palette; what carries none is no command.
        footer: Whether the footer has room for it.
        priority: Whether it comes before what the focused widget does with the key.
    """
    return Binding(keys, action, label, show=footer, tooltip=help, id=action, priority=priority)


@dataclass(frozen=True)
class Entry:
    """A command that could be run now, with every key that runs it."""

    keys: tuple[str, ...]
    label: str
    help: str
    action: str
    node: DOMNode
    enabled: bool


def entries(screen: Screen[Any]) -> list[Entry]:
    """Every command within reach of ``screen``: its own first, then the app's."""
    found: dict[str, Entry] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.tooltip:
            continue
        key = screen.app.get_key_display(binding)
        known = found.get(binding.action)
        found[binding.action] = (
            replace(known, keys=(*known.keys, key))
            if known
            else Entry(
                (key,),
                binding.description,
                binding.tooltip,
                binding.action,
                active.node,
                active.enabled,
            )
        )
    return list(found.values())


class Commands(Provider):
    """The palette: the same commands as the keys, found by typing."""

    async def discover(self) -> Hits:
        """Offer everything before the user has typed."""
        for entry in self._entries():
            yield DiscoveryHit(entry.label, self._runner(entry), help=entry.help)

    async def search(self, query: str) -> Hits:
        """Offer what fits ``query`` in its label or its sentence."""
        matcher = self.matcher(query)
        for entry in self._entries():
            score = max(matcher.match(entry.label), 0.8 * matcher.match(entry.help))
            if score > 0:
                label = matcher.highlight(entry.label)
                yield Hit(score, label, self._runner(entry), help=entry.help)

    def _entries(self) -> list[Entry]:
        return [entry for entry in entries(self.screen) if entry.enabled]

    def _runner(self, entry: Entry) -> Any:
        return partial(self.app.run_action, entry.action, entry.node)
