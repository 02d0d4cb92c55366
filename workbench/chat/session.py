"""The state and the rules of a chat, without its screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.chat.annotations import Annotations
from workbench.chat.blind import BlindMode
from workbench.chat.dialogue import Dialogue
from workbench.chat.lanes import ChatLanes
from workbench.chat.queue import PromptQueue
from workbench.chat.selection import Selection
from workbench.chat.settings import ChatSettings
from workbench.chat.titles import BASE, LANES, lane_titles
from workbench.chat.token_scores import TokenScoreCache
from workbench.chat.transcripts import AnswerRecord, ExchangeRecord, Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done, Opened, Proof
    from workbench.runs.folder import RunFolder

EngineState = Literal["loading", "ready", "answering", "down"]
Phase = Literal["loading", "ready", "answering", "judging", "down"]
View = Literal["plain", "differences", "surprise"]


class ChatSession:
    """Everything a chat knows, and the one place that says which action applies now.

    Attributes:
        engine: The state of the engine process.
        opened: What the engine reported when it was last ready; None while it loads.
        view: How answers are shown.
    """

    def __init__(self, run: RunFolder) -> None:
        """Start a chat with ``run``: its base and its result."""
        self.run = run
        self.engine: EngineState = "loading"
        self.opened: Opened | None = None
        self.settings = ChatSettings()
        self.view: View = "plain"
        self.lanes = ChatLanes(lane_titles(run.recipe()))
        self.dialogue = Dialogue()
        self.selection = Selection(self.dialogue)
        self.blind = BlindMode()
        self.queue = PromptQueue()
        self.annotations = Annotations(run)
        self.token_scores = TokenScoreCache()
        self.transcript = Transcript(run)

    @property
    def exchanges(self) -> list[Exchange]:
        """The conversation so far, oldest first."""
        return self.dialogue.exchanges

    @property
    def proof(self) -> Proof | None:
        """Whether the base lane is the base; None until the engine has checked."""
        return self.opened.proof if self.opened else None

    @property
    def phase(self) -> Phase:
        """The engine's state, or ``judging`` while hidden answers wait for a judgement."""
        return "judging" if self.engine == "ready" and self.blind.exchange else self.engine

    def can(self, action: str) -> bool:
        """Whether an action of the chat applies now; unknown actions always do."""
        if self.blind.exchange and action in _OFF_WHILE_HIDDEN:
            return False
        rule = _RULES.get(action)
        return rule is None or rule(self)

    # The engine

    def engine_starting(self) -> None:
        """The engine is being started; the conversation is kept."""
        self.engine, self.opened = "loading", None

    def engine_ready(self, opened: Opened) -> None:
        """The engine has opened its lanes."""
        self.engine, self.opened = "ready", opened
        self.lanes.update(opened.lanes)

    def engine_failed(self) -> Exchange | None:
        """The engine is gone; return the exchange that it left incomplete, if any."""
        unfinished = self.dialogue.last if self.engine == "answering" else None
        self.engine = "down"
        self.queue.drop_pack()
        return unfinished

    # Asking

    def ask(self, prompt: str, *, standalone: bool = False) -> Exchange:
        """Begin an exchange with every lane, hiding who answers in blind mode."""
        names = self.lanes.names
        exchange = self.dialogue.ask(
            prompt, names, self.settings, self.lanes.strengths(), standalone=standalone
        )
        self.engine = "answering"
        self.selection.clear()
        if self.blind.enabled and names == LANES:
            self.blind.hide(exchange)
        return exchange

    def ask_next(self) -> Exchange | None:
        """Begin an exchange with the next queued prompt, if there is one and it can be sent."""
        prompt = self.queue.pop() if self.phase == "ready" else None
        return self.ask(prompt.text, standalone=prompt.standalone) if prompt else None

    def add_answer(self, done: Done) -> Exchange:
        """Keep one lane's answer to the newest prompt."""
        exchange = self.exchanges[-1]
        exchange.answers[done.lane] = done
        return exchange

    def finish(self) -> None:
        """Every lane has answered or was stopped."""
        self.engine = "ready"

    def refuse(self) -> Exchange:
        """The engine could not answer the newest prompt: take it back, and drop the pack."""
        self.engine = "ready"
        self.queue.drop_pack()
        return self.take_back()

    def take_back(self) -> Exchange:
        """Remove the newest exchange."""
        exchange = self.dialogue.take_back()
        self.selection.clear()
        if exchange is self.blind.exchange:
            self.blind.reveal()
        return exchange

    def clear(self) -> None:
        """Remove every exchange."""
        self.dialogue.clear()
        self.selection.clear()
        self.blind.reveal()
        self.queue.drop_pack()

    # Looking at answers

    @property
    def target(self) -> Exchange | None:
        """The exchange that the keys act on."""
        return self.selection.target

    def toggle_view(self, view: View) -> None:
        """Show answers in this way, or plainly if they already are."""
        self.view = "plain" if self.view == view else view

    def exchange_to_score(self) -> Exchange | None:
        """The exchange whose token scores the current view shows, if the engine can score it."""
        target = self.target
        wanted = self.view == "surprise" and target and target.comparable
        allowed = self.engine in ("ready", "answering") and not self.blind.exchange
        return target if wanted and allowed else None

    def outdated_strength(self, lane: str) -> float | None:
        """The strength of a lane's newest answer, if its next answer would have another."""
        last = self.dialogue.last
        strength = last.strengths.get(lane) if last else None
        return None if strength == self.lanes[lane].strength else strength

    def record(self, exchange: Exchange, error: str = "") -> ExchangeRecord:
        """An exchange as it is saved; ``error`` says why answers are missing."""
        settings = exchange.settings
        return ExchangeRecord(
            turn=exchange.turn,
            prompt=exchange.prompt,
            system=settings.system,
            sampling=settings.sampling,
            max_tokens=settings.max_tokens,
            strengths=dict(exchange.strengths),
            proof=self.proof.state if self.proof else "missing",
            models={lane.name: lane.title for lane in self.lanes},
            answers={lane: AnswerRecord.of(done) for lane, done in exchange.answers.items()},
            error=error,
        )


_OFF_WHILE_HIDDEN = frozenset(
    {
        "add_probe",
        "annotate",
        "copy",
        "lanes",
        "search",
        "select_exchange",
        "show_surprise",
        "strength",
        "write",
    }
)
"""Actions that would give away which model is hidden, or lead away from the judgement."""


def _last_has_answers(session: ChatSession) -> bool:
    last = session.dialogue.last
    return last is not None and bool(last.answers)


def _can_show(view: View) -> Callable[[ChatSession], bool]:
    return lambda session: (
        session.view == view or (session.target is not None and session.target.comparable)
    )


_RULES: dict[str, Callable[[ChatSession], bool]] = {
    "restart": lambda session: session.engine == "down",
    "lanes": lambda session: session.engine in ("ready", "down"),
    "strength": lambda session: session.lanes.adjustable is not None,
    "regenerate": lambda session: session.engine == "ready" and bool(session.exchanges),
    "edit": lambda session: session.engine != "answering" and bool(session.exchanges),
    "clear": lambda session: session.engine != "answering" and bool(session.exchanges),
    "select_exchange": lambda session: len(session.exchanges) > 1,
    "show_differences": _can_show("differences"),
    "show_surprise": _can_show("surprise"),
    "annotate": lambda session: session.target is not None and session.target.judgeable,
    "add_probe": lambda session: session.target is not None and BASE in session.target.answers,
    "copy": _last_has_answers,
    "write": _last_has_answers,
    "blind": lambda session: session.lanes.names == LANES,
    "judge": lambda session: session.phase == "judging",
}
"""When each action applies; an action that is not listed always does."""
