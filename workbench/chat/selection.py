"""Which exchange the keys act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.chat.dialogue import Dialogue, Exchange


class Selection:
    """The newest exchange, unless the user has gone to an earlier one.

    Attributes:
        exchange: The earlier exchange; None while the newest is meant.
    """

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self.exchange: Exchange | None = None

    @property
    def target(self) -> Exchange | None:
        """The exchange that the keys act on; None in an empty chat."""
        return self.exchange or self._dialogue.last

    def move(self, step: int) -> None:
        """Go to an earlier or later exchange; nothing happens at either end."""
        exchanges = self._dialogue.exchanges
        if self.target is None:
            return
        place = exchanges.index(self.target) + step
        if 0 <= place < len(exchanges):
            newest = place == len(exchanges) - 1
            self.exchange = None if newest else exchanges[place]

    def clear(self) -> None:
        """Go back to the newest exchange."""
        self.exchange = None
