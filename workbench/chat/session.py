"""A chat without its screen: its lanes, what was said, and what may be done now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.chat.dialogue import Dialogue
from workbench.chat.settings import ChatSettings
from workbench.chat.titles import LANES, lane_titles

if TYPE_CHECKING:
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done, LaneFacts, Opened, Proof, Source
    from workbench.runs.folder import RunFolder

Engine = Literal["loading", "ready", "answering", "down"]

MOST_LANES = 4
STRONGEST = 1.5
STEP = 0.1
"""By how much one key press changes a strength."""


@dataclass
class Lane:
    """One side of the chat.

    Attributes:
        name: What the engine calls it; ``base`` is the untouched model.
        title: Which model answers, for the user.
        source: What was opened beside the run's own two lanes; None for those.
        facts: What the engine said of it, None before it did.
        strength: How far it goes from base (0) to tuned (1) in its next answer.
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


class ChatSession:
    """Everything a chat knows; the engine's words go in, what to ask it comes out."""

    def __init__(self, run: RunFolder) -> None:
        """Chat with ``run``: its base and its result."""
        titles = lane_titles(run.recipe())
        self.run = run
        self.lanes = [Lane(name, titles[name]) for name in LANES]
        self.settings = ChatSettings()
        self.dialogue = Dialogue()
        self.opened: Opened | None = None
        self.engine: Engine = "loading"
        self.waiting: str | None = None
        """A prompt that was sent before the engine was ready."""

    # What there is

    @property
    def names(self) -> tuple[str, ...]:
        """The lanes, the base first."""
        return tuple(lane.name for lane in self.lanes)

    @property
    def exchanges(self) -> list[Exchange]:
        """What was asked and answered so far."""
        return self.dialogue.exchanges

    @property
    def last(self) -> Exchange | None:
        """The newest exchange."""
        return self.exchanges[-1] if self.exchanges else None

    @property
    def proof(self) -> Proof | None:
        """Whether the base lane is the base; None before the engine has said."""
        return self.opened.proof if self.opened else None

    @property
    def others(self) -> tuple[Source, ...]:
        """What is open beside the run's own base and result."""
        return tuple(lane.source for lane in self.lanes if lane.source)

    def lane(self, name: str) -> Lane:
        """The lane of that name."""
        return next(lane for lane in self.lanes if lane.name == name)

    # The engine

    def begin(self) -> None:
        """The engine is being started."""
        self.engine, self.opened = "loading", None

    def open(self, opened: Opened) -> str | None:
        """The engine is ready; return the prompt that waited for it."""
        self.engine, self.opened = "ready", opened
        for facts in opened.lanes:
            self.lane(facts.name).facts = facts
        prompt, self.waiting = self.waiting, None
        return prompt

    def go_down(self) -> None:
        """The engine is gone; everything said is kept."""
        self.engine = "down"

    # Asking

    def ask(self, prompt: str, *, alone: bool = False) -> Exchange:
        """Put ``prompt`` to every lane, with what was said before unless ``alone``."""
        self.engine = "answering"
        return self.dialogue.ask(prompt, self.names, self.settings, self.strengths(), alone=alone)

    def answer(self, done: Done) -> Exchange:
        """Keep one lane's answer to the newest prompt."""
        self.exchanges[-1].answers[done.lane] = done
        return self.exchanges[-1]

    def finish(self) -> None:
        """Every lane has answered or was stopped."""
        self.engine = "ready"

    def take_back(self) -> Exchange:
        """Forget the newest exchange."""
        return self.dialogue.take_back()

    def strengths(self) -> dict[str, float]:
        """The strength of every lane where it can be chosen."""
        return {lane.name: lane.strength for lane in self.lanes if lane.scalable}

    # Lanes

    def turn(self, name: str, by: float) -> float:
        """Make a lane stronger or weaker by ``by``, and return its strength."""
        lane = self.lane(name)
        lane.strength = round(min(STRONGEST, max(0.0, lane.strength + by)), 2)
        return lane.strength

    def outdated(self, name: str) -> float | None:
        """The strength of a lane's newest answer, where its next is to have another."""
        given = self.last.strengths.get(name) if self.last else None
        return given if given != self.lane(name).strength else None

    def add(self, source: Source, title: str) -> Lane:
        """Put a lane beside the others; it knows nothing of what was said before."""
        lane = Lane(source.lane, title, source)
        self.lanes.append(lane)
        return lane

    def remove(self, name: str) -> None:
        """Close a lane that was added; what it said stays in the exchanges."""
        self.lanes.remove(self.lane(name))

    def free_name(self) -> str:
        """What the next lane is called."""
        numbers = range(2, len(self.lanes) + 2)
        return next(f"tuned-{number}" for number in numbers if f"tuned-{number}" not in self.names)

    @property
    def full(self) -> bool:
        """Whether no further lane fits."""
        return len(self.lanes) >= MOST_LANES

    # What may be done now

    @property
    def idle(self) -> bool:
        """Whether the engine waits for a prompt."""
        return self.engine == "ready"

    @property
    def can_ask_again(self) -> bool:
        """Whether the last exchange can be taken back and asked once more."""
        return self.idle and bool(self.exchanges)

    @property
    def can_forget(self) -> bool:
        """Whether exchanges can be taken away."""
        return self.engine != "answering" and bool(self.exchanges)
