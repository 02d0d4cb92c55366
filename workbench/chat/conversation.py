"""The conversation with the engine: requests go out, and every reply updates the session.

Each operation is an asynchronous generator of events for a view to show. The session is already up
to date when an event is yielded.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from workbench.chat.protocol import (
    Delta,
    Done,
    EngineDied,
    Failed,
    Finished,
    Opened,
    Progress,
    TokenScores,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from workbench.chat.client import ChatClient
    from workbench.chat.dialogue import Exchange
    from workbench.chat.session import ChatSession


@dataclass(frozen=True)
class EngineReady:
    """The lanes are open."""


@dataclass(frozen=True)
class EngineDown:
    """The engine died, or could not open its lanes.

    Attributes:
        unfinished: The exchange whose answers were lost, if any.
    """

    failure: Failed | EngineDied
    unfinished: Exchange | None

    @property
    def reason(self) -> str:
        """Why, in one line."""
        failure = self.failure
        return failure.reason if isinstance(failure, EngineDied) else failure.text


@dataclass(frozen=True)
class ExchangeStarted:
    """A prompt is about to be sent to every lane."""

    exchange: Exchange


@dataclass(frozen=True)
class AnswerFinished:
    """One lane's answer is complete, or was stopped."""

    exchange: Exchange
    done: Done


@dataclass(frozen=True)
class ExchangeFinished:
    """Every lane has answered or was stopped."""

    exchange: Exchange


@dataclass(frozen=True)
class ExchangeRefused:
    """The engine could not answer; the exchange is no longer part of the conversation."""

    exchange: Exchange
    reason: str


@dataclass(frozen=True)
class ScoresChanged:
    """The token scores of an exchange arrived, or are now being computed."""

    exchange: Exchange


@dataclass(frozen=True)
class ScoringFailed:
    """The engine could not score an answer."""

    reason: str


Event: TypeAlias = (
    Progress
    | EngineReady
    | EngineDown
    | ExchangeStarted
    | Delta
    | AnswerFinished
    | ExchangeFinished
    | ExchangeRefused
    | ScoresChanged
    | ScoringFailed
)


class EngineConversation:
    """Sends one request at a time to the engine on behalf of a session."""

    def __init__(self, session: ChatSession, client: ChatClient) -> None:
        self.session = session
        self.client = client
        self._one_request = asyncio.Lock()

    async def open(self) -> AsyncGenerator[Event]:
        """Start the engine, or start it again with the conversation kept."""
        self.session.engine_starting()
        yield Progress(what="Starting the engine", done=0, total=0)
        async for reply in self.client.open(self.session.lanes.extra_sources):
            match reply:
                case Opened():
                    self.session.engine_ready(reply)
                    yield EngineReady()
                case Failed() | EngineDied():
                    yield self._engine_down(reply)
                case Progress():
                    yield reply

    async def ask(self, exchange: Exchange) -> AsyncGenerator[Event]:
        """Ask for the answers of an exchange, then for those of every queued prompt."""
        following: Exchange | None = exchange
        while following:
            async with aclosing(self._answer(following)) as events:
                async for event in events:
                    yield event
            following = self.session.ask_next()

    async def _answer(self, exchange: Exchange) -> AsyncGenerator[Event]:
        yield ExchangeStarted(exchange)
        async with self._one_request:
            async for reply in self.client.generate(exchange.generate_request()):
                match reply:
                    case Delta():
                        yield reply
                    case Done():
                        self.session.add_answer(reply)
                        yield AnswerFinished(exchange, reply)
                    case Finished():
                        self.session.finish()
                        yield ExchangeFinished(exchange)
                    case Failed():
                        yield ExchangeRefused(self.session.refuse(), reply.text)
                    case EngineDied():
                        yield self._engine_down(reply)

    async def score(self, exchange: Exchange) -> AsyncGenerator[Event]:
        """Score each answer of an exchange that has no token scores yet."""
        cache = self.session.token_scores
        interrupted, cache.pending = cache.pending, exchange
        for changed in filter(None, (interrupted, exchange)):
            yield ScoresChanged(changed)
        for lane in cache.missing(exchange, self.session.lanes.names):
            request = exchange.score_request(lane, exchange.compared_lane(lane))
            async with self._one_request:
                reply = await self.client.score_tokens(request)
            if not isinstance(reply, TokenScores):
                if isinstance(reply, Failed):
                    yield ScoringFailed(reply.text)
                elif self.session.engine != "loading":
                    yield self._engine_down(reply)
                break
            cache.add(exchange, lane, reply)
            yield ScoresChanged(exchange)
        cache.pending = None
        yield ScoresChanged(exchange)

    def cancel(self) -> None:
        """Stop the answers in progress; each lane keeps what it has so far."""
        self.client.cancel()

    async def close(self) -> None:
        """End the engine."""
        await self.client.close()

    def _engine_down(self, failure: Failed | EngineDied) -> EngineDown:
        return EngineDown(failure, self.session.engine_failed())
