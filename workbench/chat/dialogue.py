"""A conversation in several lanes at once, each remembering its own answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.chat.protocol import Generate, ScoreTokens, Turn
from workbench.chat.settings import ChatSettings
from workbench.chat.titles import BASE, LANES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.chat.protocol import Done

    Conversations = dict[str, tuple[Turn, ...]]


@dataclass(eq=False)
class Exchange:
    """A prompt, what led to it in each lane, and each lane's answer.

    Attributes:
        conversations: By lane, ending with the prompt.
        settings: How the answers are generated.
        strengths: Each lane's strength from base (0) to tuned (1), where it can be chosen.
        answers: By lane; a lost answer is missing.
        standalone: Asked without the exchanges before it, and left out of those after it.
    """

    prompt: str
    conversations: Conversations
    settings: ChatSettings = field(default_factory=ChatSettings)
    strengths: Mapping[str, float] = field(default_factory=dict)
    answers: dict[str, Done] = field(default_factory=dict)
    standalone: bool = False

    def lacks(self, lane: str) -> bool:
        """Whether ``lane`` was asked and has no answer."""
        return lane in self.conversations and lane not in self.answers

    @property
    def ordered_answers(self) -> dict[str, Done]:
        """The answers in the order of the lanes rather than that of their arrival."""
        return {lane: self.answers[lane] for lane in self.conversations if lane in self.answers}

    @property
    def turn(self) -> int:
        """Its place in the conversation, 1 first, in the lane with the longest memory."""
        return max(
            sum(turn.role == "user" for turn in turns) for turns in self.conversations.values()
        )

    # Comparing answers

    @property
    def judgeable(self) -> bool:
        """Whether both base and tuned model have answered."""
        return self.answers.keys() >= set(LANES)

    @property
    def comparable(self) -> bool:
        """Whether the base and any other lane have answered."""
        return BASE in self.answers and len(self.answers) > 1

    def compared_lane(self, lane: str) -> str:
        """The lane to compare an answer with: the base, or for the base the first other one."""
        return BASE if lane != BASE else next(name for name in self.answers if name != BASE)

    # What the engine is asked

    def generate_request(self) -> Generate:
        """The request for its answers."""
        return Generate(
            conversations=self.conversations,
            max_tokens=self.settings.max_tokens,
            sampling=self.settings.sampling,
            strengths=dict(self.strengths),
        )

    def score_request(self, lane: str, other: str) -> ScoreTokens:
        """The request to score the answer of ``lane`` token by token against ``other``."""
        return ScoreTokens(
            lane=lane,
            other=other,
            conversation=self.conversations[lane],
            tokens=self.answers[lane].token_ids,
            strengths=dict(self.strengths),
        )


@dataclass
class Dialogue:
    """Every exchange so far, oldest first."""

    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def last(self) -> Exchange | None:
        """The newest exchange."""
        return self.exchanges[-1] if self.exchanges else None

    def ask(
        self,
        prompt: str,
        lanes: Sequence[str],
        settings: ChatSettings,
        strengths: Mapping[str, float],
        *,
        standalone: bool = False,
    ) -> Exchange:
        """Add an exchange in which each lane remembers its own answers, unless ``standalone``."""
        exchange = Exchange(
            prompt,
            {lane: self._turns(lane, prompt, settings.system, standalone) for lane in lanes},
            settings,
            dict(strengths),
            standalone=standalone,
        )
        self.exchanges.append(exchange)
        return exchange

    def take_back(self) -> Exchange:
        """Remove the last exchange and return it."""
        return self.exchanges.pop()

    def clear(self) -> None:
        """Remove every exchange."""
        self.exchanges.clear()

    def _turns(self, lane: str, prompt: str, system: str, standalone: bool) -> tuple[Turn, ...]:
        turns = [Turn(role="system", content=system)] if system else []
        for exchange in [] if standalone else self.exchanges:
            if lane in exchange.answers and not exchange.standalone:
                turns.append(Turn(role="user", content=exchange.prompt))
                turns.append(Turn(role="assistant", content=exchange.answers[lane].text))
        return (*turns, Turn(role="user", content=prompt))
