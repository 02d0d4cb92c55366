"""A conversation held in several lanes at once, each remembering its own answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.chat.protocol import Turn
from workbench.chat.settings import ChatSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.chat.protocol import Done

    Conversations = dict[str, tuple[Turn, ...]]


@dataclass(eq=False)
class Exchange:
    """A prompt, all that led to it, and what each lane answered.

    Attributes:
        conversations: What each lane was asked, ending with the prompt.
        settings: How the answers were to be given.
        strengths: How far each lane had gone from base (0) to tuned (1), where that can be chosen.
        answers: By lane; one that was lost is missing.
        alone: Whether it was asked without what was said before, and is forgotten by what follows.
    """

    prompt: str
    conversations: Conversations
    settings: ChatSettings = field(default_factory=ChatSettings)
    strengths: Mapping[str, float] = field(default_factory=dict)
    answers: dict[str, Done] = field(default_factory=dict)
    alone: bool = False

    def lacks(self, lane: str) -> bool:
        """Whether ``lane`` was asked and its answer is not there."""
        return lane in self.conversations and lane not in self.answers


@dataclass
class Dialogue:
    """Every exchange so far."""

    exchanges: list[Exchange] = field(default_factory=list)

    def ask(
        self,
        prompt: str,
        lanes: Sequence[str],
        settings: ChatSettings,
        strengths: Mapping[str, float],
        *,
        alone: bool = False,
    ) -> Exchange:
        """Put ``prompt`` to ``lanes``, each with its own answers before it unless ``alone``."""
        exchange = Exchange(
            prompt,
            {lane: self._turns(lane, prompt, settings.system, alone) for lane in lanes},
            settings,
            dict(strengths),
            alone=alone,
        )
        self.exchanges.append(exchange)
        return exchange

    def take_back(self) -> Exchange:
        """Forget the last exchange."""
        return self.exchanges.pop()

    def clear(self) -> None:
        """Forget everything."""
        self.exchanges.clear()

    def _turns(self, lane: str, prompt: str, system: str, alone: bool) -> tuple[Turn, ...]:
        turns = [Turn(role="system", content=system)] if system else []
        for exchange in [] if alone else self.exchanges:
            if lane in exchange.answers and not exchange.alone:
                turns.append(Turn(role="user", content=exchange.prompt))
                turns.append(Turn(role="assistant", content=exchange.answers[lane].text))
        return (*turns, Turn(role="user", content=prompt))
