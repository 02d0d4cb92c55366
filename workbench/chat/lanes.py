"""The lanes of a chat: the base, the run's result, and what the user has put beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.chat.titles import LANES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workbench.chat.protocol import LaneFacts, Source

MAX_LANES = 4
MAX_STRENGTH = 1.5
STRENGTH_STEP = 0.1
"""How much one key press changes a strength."""


@dataclass
class ChatLane:
    """One side of the chat.

    Attributes:
        name: Its name in the engine's messages; ``base`` is the untouched model.
        title: Which model answers, for the user.
        source: The weights opened beside the run's own two lanes; None for those two.
        facts: What the engine reported about it; None before it did.
        strength: From base (0) to tuned (1), for its next answer.
    """

    name: str
    title: str
    source: Source | None = None
    facts: LaneFacts | None = None
    strength: float = 1.0

    @property
    def scalable(self) -> bool:
        """Whether its strength can be chosen."""
        return self.facts is not None and self.facts.scalable


class ChatLanes:
    """Every lane, the base first.

    Attributes:
        focused: The name of the lane that the user went to last.
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._lanes = [ChatLane(name, titles[name]) for name in LANES]
        self.focused: str | None = None

    def __iter__(self) -> Iterator[ChatLane]:
        return iter(self._lanes)

    def __len__(self) -> int:
        return len(self._lanes)

    def __getitem__(self, name: str) -> ChatLane:
        return next(lane for lane in self._lanes if lane.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The lanes' names, in order."""
        return tuple(lane.name for lane in self._lanes)

    # Adding and removing

    @property
    def added(self) -> list[ChatLane]:
        """The lanes beside the run's own base and result."""
        return [lane for lane in self._lanes if lane.source]

    @property
    def extra_sources(self) -> tuple[Source, ...]:
        """What the engine is to open beside the run's own base and result."""
        return tuple(lane.source for lane in self._lanes if lane.source)

    @property
    def full(self) -> bool:
        """Whether no further lane fits."""
        return len(self._lanes) >= MAX_LANES

    def free_name(self) -> str:
        """The name of the next lane to be added."""
        numbers = range(2, len(self._lanes) + 2)
        return next(name for n in numbers if (name := f"tuned-{n}") not in self.names)

    def add(self, source: Source, title: str) -> ChatLane:
        """Add a lane; it does not know the conversation so far."""
        lane = ChatLane(source.lane, title, source)
        self._lanes.append(lane)
        return lane

    def remove(self, name: str) -> None:
        """Remove an added lane; its answers stay in their exchanges."""
        self._lanes.remove(self[name])

    def update(self, facts: Iterable[LaneFacts]) -> None:
        """Keep what the engine reported about its open lanes."""
        for lane_facts in facts:
            self[lane_facts.name].facts = lane_facts

    # Strength

    @property
    def adjustable(self) -> ChatLane | None:
        """The lane whose strength the keys change: the focused one, else the first that has one."""
        scalable = [lane for lane in self._lanes if lane.scalable]
        focused = (lane for lane in scalable if lane.name == self.focused)
        return next(focused, scalable[0] if scalable else None)

    def strengths(self) -> dict[str, float]:
        """The strength of every lane where it can be chosen."""
        return {lane.name: lane.strength for lane in self._lanes if lane.scalable}

    def change_strength(self, by: float) -> None:
        """Make the adjustable lane stronger or weaker, from its next answer on."""
        if lane := self.adjustable:
            lane.strength = round(min(MAX_STRENGTH, max(0.0, lane.strength + by)), 2)
