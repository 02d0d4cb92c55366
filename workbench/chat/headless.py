"""Ask the lanes of a chat without a screen; every prompt starts a new conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.chat.dialogue import Dialogue
from workbench.chat.protocol import Done, EngineDied, Failed, Opened, Progress, Source, TokenScores
from workbench.chat.settings import ChatSettings
from workbench.chat.titles import BASE, LANES, TUNED
from workbench.core.errors import BadInputError, FtwbError, RunFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from workbench.chat.client import ChatClient
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import ProofState, TokenScore
    from workbench.runs.folder import Runs

_RESERVED_NAMES = {*LANES, "prompt"}
"""Names that no further lane can have: they are keys of an answer's JSON."""
_PROOF_LABELS: dict[ProofState, str] = {
    "proven": "base proven",
    "refuted": "warning: NOT the base",
    "missing": "base unproven",
}
_MEGABYTE = 1e6


@dataclass(frozen=True)
class AskOptions:
    """Options for every prompt.

    Attributes:
        settings: System prompt, sampling and length.
        strengths: Of the lanes that do not answer at full strength.
        surprise: Score every answer against another lane, token by token.
    """

    settings: ChatSettings = field(default_factory=ChatSettings)
    strengths: Mapping[str, float] = field(default_factory=dict)
    surprise: bool = False


@dataclass(frozen=True)
class ScoredAnswer:
    """An answer's token scores, and the lane that it was compared with."""

    other: str
    scores: tuple[TokenScore, ...]


@dataclass(frozen=True)
class PromptAnswers:
    """A prompt and its answers, in the order of the lanes.

    Attributes:
        scored: Token scores by lane, if they were asked for.
    """

    prompt: str
    answers: dict[str, Done]
    scored: dict[str, ScoredAnswer]


def extra_sources(runs: Runs, names: Sequence[str]) -> tuple[Source, ...]:
    """The lanes beside base and tuned, each named as the user wrote it.

    Args:
        runs: Where to look.
        names: ``RUN`` for a result, ``RUN@STEP`` for a checkpoint.

    Raises:
        NotFoundError: There is no such run.
        BadInputError: A name occurs twice, or is reserved.
    """
    for place, name in enumerate(names):
        if name in _RESERVED_NAMES or name in names[:place]:
            raise BadInputError(f"{name}: already a lane; type more of the run's id")
    return tuple(_source(runs, name) for name in names)


def _source(runs: Runs, name: str) -> Source:
    run, _, step = name.rpartition("@")
    if run and step.isdecimal():
        return Source(lane=name, run=str(runs.find(run).path), checkpoint=int(step))
    return Source(lane=name, run=str(runs.find(name).path))


def summary(opened: Opened) -> str:
    """How the lanes decode and what their weights cost, in one line."""
    base = opened.lanes[0].extra_bytes
    return (
        f"{opened.decoding} · weights {opened.weight_bytes / _MEGABYTE:,.0f} MB, "
        f"{opened.weight_bytes / base:.2f} times the base's · {opened.dtype} on {opened.device}"
    )


def proof_line(opened: Opened) -> str:
    """Whether the base lane is verified, and the reason; and what is to be said of other lanes."""
    notes = [f"; {lane.name}: {lane.note}" for lane in opened.lanes if lane.note]
    return f"{_PROOF_LABELS[opened.proof.state]}: {opened.proof.text}{''.join(notes)}"


def require_strengths(opened: Opened, strengths: Mapping[str, float]) -> None:
    """Refuse a strength for a lane that cannot be scaled.

    Raises:
        BadInputError: A lane can only answer as it was trained.
    """
    for lane in opened.lanes:
        if strengths.get(lane.name, 1.0) != 1.0 and not lane.scalable:
            raise BadInputError(f"{lane.name} cannot be scaled: leave out --strength")


async def open_engine(
    client: ChatClient, sources: Sequence[Source], report: Callable[[str], None]
) -> Opened:
    """Start the engine and wait until its lanes are ready, reporting each stage once.

    Raises:
        FtwbError: The run cannot be opened.
        RunFailedError: The engine died.
    """
    stage = ""
    async for event in client.open(sources):
        if isinstance(event, Opened):
            return event
        if not isinstance(event, Progress):
            raise _error(event)
        if event.what != stage:
            stage = event.what
            report(stage)
    raise RunFailedError("the chat engine ended without an error message")


async def ask_all(
    client: ChatClient, lanes: Sequence[str], prompts: Sequence[str], options: AskOptions
) -> AsyncIterator[PromptAnswers]:
    """Ask one prompt after the other; each is yielded once every lane has answered.

    Raises:
        FtwbError: A prompt cannot be answered.
        RunFailedError: The engine died.
    """
    for prompt in prompts:
        exchange = Dialogue().ask(prompt, lanes, options.settings, options.strengths)
        await _answer(client, exchange)
        scored = await _score(client, exchange) if options.surprise else {}
        yield PromptAnswers(prompt, exchange.ordered_answers, scored)


async def _answer(client: ChatClient, exchange: Exchange) -> None:
    async for event in client.generate(exchange.generate_request()):
        if isinstance(event, Failed | EngineDied):
            raise _error(event)
        if isinstance(event, Done):
            exchange.answers[event.lane] = event


async def _score(client: ChatClient, exchange: Exchange) -> dict[str, ScoredAnswer]:
    """Score every answer against the base, and the base's against the tuned lane."""
    scored = {}
    for lane in exchange.answers:
        other = TUNED if lane == BASE else BASE
        reply = await client.score_tokens(exchange.score_request(lane, other))
        if not isinstance(reply, TokenScores):
            raise _error(reply)
        scored[lane] = ScoredAnswer(other, reply.scores)
    return scored


def _error(event: Failed | EngineDied) -> FtwbError:
    if isinstance(event, Failed):
        return FtwbError(event.text)
    last_line = event.log.rpartition("\n")[2]
    return RunFailedError(f"{event.reason}: {last_line}" if last_line else event.reason)
