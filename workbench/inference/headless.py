"""Asking both lanes without a screen: every prompt a conversation of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.errors import FtwbError, RunFailedError
from workbench.inference.dialogue import Dialogue
from workbench.inference.messages import Done, EngineDied, Failed, Opened, Progress, Sampling
from workbench.inference.settings import ChatSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from workbench.inference.client import ChatClient


@dataclass(frozen=True)
class Settings:
    """What holds for every prompt of a session."""

    system: str = ""
    max_tokens: int = 256
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True)
class Answered:
    """A prompt and what each lane made of it, in the order of the lanes."""

    prompt: str
    answers: dict[str, Done]


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
    client: ChatClient, lanes: tuple[str, ...], prompts: Sequence[str], settings: Settings
) -> AsyncIterator[Answered]:
    """Ask one prompt after the other and yield each as soon as every lane has answered.

    Raises:
        FtwbError: A prompt cannot be answered.
        RunFailedError: The engine died.
    """
    for prompt in prompts:
        exchange = Dialogue().ask(prompt, lanes, ChatSettings(system=settings.system), {})
        answers: dict[str, Done] = {}
        async for event in client.generate(
            exchange.conversations, max_tokens=settings.max_tokens, sampling=settings.sampling
        ):
            if isinstance(event, Failed | EngineDied):
                raise _error(event)
            if isinstance(event, Done):
                answers[event.lane] = event
        yield Answered(prompt, {lane: answers[lane] for lane in lanes})


def _error(event: Failed | EngineDied) -> FtwbError:
    if isinstance(event, Failed):
        return FtwbError(event.text)
    last = event.log.rpartition("\n")[2]
    return RunFailedError(f"{event.reason}: {last}" if last else event.reason)
