"""A conversation held in several lanes at once, each remembering its own answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.inference.messages import Turn


@dataclass
class Exchange:
    """A prompt and what each lane answered; a lane whose answer was lost is missing."""

    prompt: str
    answers: dict[str, str] = field(default_factory=dict)


@dataclass
class Dialogue:
    """Every exchange so far, and the system prompt if there is one."""

    lanes: tuple[str, ...]
    system: str = ""
    exchanges: list[Exchange] = field(default_factory=list)

    def ask(self, prompt: str) -> dict[str, tuple[Turn, ...]]:
        """Add a prompt and return each lane's conversation, ending with it."""
        conversations = {lane: self._history(lane, prompt) for lane in self.lanes}
        self.exchanges.append(Exchange(prompt))
        return conversations

    def answer(self, lane: str, text: str) -> None:
        """Keep what a lane answered to the last prompt."""
        self.exchanges[-1].answers[lane] = text

    def lacks_answer(self, lane: str) -> bool:
        """Whether the last prompt is unanswered in a lane."""
        return bool(self.exchanges) and lane not in self.exchanges[-1].answers

    def take_back(self) -> str:
        """Forget the last exchange and return its prompt."""
        return self.exchanges.pop().prompt

    def clear(self) -> None:
        """Forget everything but the system prompt."""
        self.exchanges.clear()

    def _history(self, lane: str, prompt: str) -> tuple[Turn, ...]:
        turns = [Turn(role="system", content=self.system)] if self.system else []
        for exchange in self.exchanges:
            if lane in exchange.answers:
                turns.append(Turn(role="user", content=exchange.prompt))
                turns.append(Turn(role="assistant", content=exchange.answers[lane]))
        return (*turns, Turn(role="user", content=prompt))
