"""Asking the lanes of a chat without a screen: every prompt a conversation of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.chat.dialogue import Dialogue
from workbench.chat.protocol import Done, EngineDied, Failed, Opened, Progress, Source, Weighed
from workbench.chat.settings import ChatSettings
from workbench.chat.titles import LANES
from workbench.core.errors import BadInputError, FtwbError, RunFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from workbench.chat.client import ChatClient
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Piece
    from workbench.runs.folder import Runs

_TAKEN = {*LANES, "prompt"}
"""What no further lane can be called: each has a key of its own beside these in the JSON."""

_MEGABYTE = 1e6


@dataclass(frozen=True)
class Asking:
    """What holds for every prompt.

    Attributes:
        settings: System prompt, sampling and length.
        strengths: Of lanes that do not answer at full strength.
        surprise: Weigh every answer against another lane, token by token.
    """

    settings: ChatSettings = field(default_factory=ChatSettings)
    strengths: Mapping[str, float] = field(default_factory=dict)
    surprise: bool = False


@dataclass(frozen=True)
class Comparison:
    """An answer token by token, as another lane sees it."""

    other: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Answered:
    """A prompt and what each lane made of it, in the order of the lanes.

    Attributes:
        compared: Every answer against another lane, where that was asked for.
    """

    prompt: str
    answers: dict[str, Done]
    compared: dict[str, Comparison]


def sources_beside(runs: Runs, names: Sequence[str]) -> tuple[Source, ...]:
    """What is to answer beside base and tuned, each lane called as the user wrote it.

    Args:
        runs: Where to look.
        names: ``RUN`` for a result, ``RUN@STEP`` for a checkpoint.

    Raises:
        NotFoundError: There is no such run.
        BadInputError: A name is given twice, or is that of another lane.
    """
    for place, name in enumerate(names):
        if name in _TAKEN or name in names[:place]:
            raise BadInputError(f"{name}: is a lane already; write more of the run's id")
    return tuple(_source(runs, name) for name in names)


def _source(runs: Runs, name: str) -> Source:
    run, _, step = name.rpartition("@")
    if run and step.isdecimal():
        return Source(lane=name, run=str(runs.find(run).path), checkpoint=int(step))
    return Source(lane=name, run=str(runs.find(name).path))


def summary(opened: Opened) -> str:
    """How the lanes answer and what their weights cost, in one line."""
    base = opened.lanes[0].extra_bytes
    return (
        f"{opened.decoding} · weights {opened.weight_bytes / _MEGABYTE:,.0f} MB, "
        f"{opened.weight_bytes / base:.2f} times the base's · {opened.dtype} on {opened.device}"
    )


def proof_line(opened: Opened) -> str:
    """Whether the base is the base, and why."""
    stands = {
        "proven": "base proven",
        "refuted": "warning: NOT the base",
        "missing": "base unproven",
    }
    return f"{stands[opened.proof.state]}: {opened.proof.text}"


def require_strengths(opened: Opened, strengths: Mapping[str, float]) -> None:
    """Refuse a strength where there is none.

    Raises:
        BadInputError: A lane can only answer as it was trained.
    """
    for lane in opened.lanes:
        if strengths.get(lane.name, 1.0) != 1.0 and not lane.scalable:
            raise BadInputError(
                f"{lane.name} is no change of weights that could be scaled: leave out --strength"
            )


async def open_engine(client: ChatClient, narrate: Callable[[str], None]) -> Opened:
    """Start the engine and wait until its lanes are ready, telling each new stage once.

    Raises:
        FtwbError: The run cannot be opened.
        RunFailedError: The engine died.
    """
    stage = ""
    async for event in client.open():
        if isinstance(event, Opened):
            return event
        if not isinstance(event, Progress):
            raise _error(event)
        if event.what != stage:
            stage = event.what
            narrate(stage)
    raise RunFailedError("the chat engine ended without a word")


async def ask_all(
    client: ChatClient, lanes: Sequence[str], prompts: Sequence[str], asking: Asking
) -> AsyncIterator[Answered]:
    """Ask one prompt after the other and yield each as soon as every lane has answered.

    Raises:
        FtwbError: A prompt cannot be answered.
        RunFailedError: The engine died.
    """
    for prompt in prompts:
        exchange = Dialogue().ask(prompt, lanes, asking.settings, asking.strengths)
        answers = await _answers(client, exchange)
        compared = await _compare(client, exchange, answers) if asking.surprise else {}
        yield Answered(prompt, {lane: answers[lane] for lane in lanes}, compared)


async def _answers(client: ChatClient, exchange: Exchange) -> dict[str, Done]:
    answers: dict[str, Done] = {}
    async for event in client.generate(
        exchange.conversations,
        max_tokens=exchange.settings.max_tokens,
        sampling=exchange.settings.sampling,
        strengths=exchange.strengths,
    ):
        if isinstance(event, Failed | EngineDied):
            raise _error(event)
        if isinstance(event, Done):
            answers[event.lane] = event
    return answers


async def _compare(
    client: ChatClient, exchange: Exchange, answers: Mapping[str, Done]
) -> dict[str, Comparison]:
    """Every answer with the base, and the base's with the tuned lane."""
    base, tuned = LANES
    compared = {}
    for lane, done in answers.items():
        other = tuned if lane == base else base
        weighed = await client.weigh(
            lane=lane,
            other=other,
            conversation=exchange.conversations[lane],
            tokens=done.token_ids,
            strengths=exchange.strengths,
        )
        if not isinstance(weighed, Weighed):
            raise _error(weighed)
        compared[lane] = Comparison(other, weighed.pieces)
    return compared


def _error(event: Failed | EngineDied) -> FtwbError:
    if isinstance(event, Failed):
        return FtwbError(event.text)
    last = event.log.rpartition("\n")[2]
    return RunFailedError(f"{event.reason}: {last}" if last else event.reason)
