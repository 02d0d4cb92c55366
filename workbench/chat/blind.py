"""Blind judging: which model answers behind which letter is drawn for every exchange."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import SystemRandom
from typing import TYPE_CHECKING, Literal

from workbench.chat.titles import LANES, TUNED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from workbench.chat.annotations import Judgement
    from workbench.chat.dialogue import Exchange

    Choice = Literal["X", "Y", "same"]

LETTERS = ("X", "Y")
"""What the panes of :data:`LANES` are called while their models are hidden."""


@dataclass
class BlindMode:
    """Hides who answers until the user has judged.

    Attributes:
        enabled: Whether the next exchange will hide who answers.
        exchange: The exchange that hides it now.
        assignment: Which lane's answer each pane shows, by the pane's own lane.
    """

    enabled: bool = False
    exchange: Exchange | None = None
    assignment: Mapping[str, str] = field(default_factory=dict)

    def hide(self, exchange: Exchange) -> None:
        """Assign the lanes of a new exchange to the panes at random."""
        self.exchange, self.assignment = exchange, shuffle_lanes()

    def assignment_of(self, exchange: Exchange) -> Mapping[str, str]:
        """Which lane's answer each pane shows; its own unless the exchange is hidden."""
        hidden = exchange is self.exchange
        return self.assignment if hidden else {lane: lane for lane in exchange.conversations}

    def letter(self, pane: str) -> str:
        """What a pane is called while its model is hidden; empty if it is not."""
        return LETTERS[LANES.index(pane)] if self.exchange else ""

    def judgement(self, choice: Choice) -> Judgement:
        """What the user's choice says about the tuned model."""
        if choice == "same":
            return "kept"
        pane = LANES[LETTERS.index(choice)]
        return "improved" if self.assignment[pane] == TUNED else "lost"

    def reveal(self) -> Exchange | None:
        """Stop hiding, and return the exchange that was hidden."""
        exchange, self.exchange = self.exchange, None
        return exchange


def shuffle_lanes(random: Random | None = None) -> dict[str, str]:
    """Draw which lane's answer each pane shows, by the pane's own lane.

    Args:
        random: The source of the draw; the operating system by default.
    """
    shown = list(LANES)
    (random or SystemRandom()).shuffle(shown)
    return dict(zip(LANES, shown, strict=True))
