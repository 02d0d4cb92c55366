"""The conversation with the engine: every reply updates the session before a view hears of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.chat.scripted_client import (
    DIED,
    FIRST,
    OPENED,
    REFUSED,
    SECOND,
    ScriptedClient,
    done,
    token_scores,
)
from workbench.chat.conversation import (
    AnswerFinished,
    EngineConversation,
    EngineDown,
    EngineReady,
    ExchangeFinished,
    ExchangeRefused,
    ExchangeStarted,
    ScoresChanged,
    ScoringFailed,
)
from workbench.chat.protocol import Delta, Failed, Finished, Progress
from workbench.chat.session import ChatSession
from workbench.recipe.recipe import Recipe


@pytest.fixture
def conversation_of(runs):
    def make(*scripts, **options):
        session = ChatSession(runs.create(Recipe(name="support")))
        return EngineConversation(session, ScriptedClient(*scripts, **options))

    return make


async def collected(events):
    return [event async for event in events]


async def opened(conversation):
    await collected(conversation.open())
    return conversation


async def answered(conversation, prompt="why"):
    exchange = conversation.session.ask(prompt)
    await collected(conversation.ask(exchange))
    return exchange


async def test_opening_reports_progress_and_ends_with_a_ready_engine(conversation_of):
    conversation = conversation_of()
    events = conversation.open()
    assert isinstance(await anext(events), Progress)
    assert conversation.session.engine == "loading"
    *progress, last = await collected(events)
    assert all(isinstance(event, Progress) for event in progress)
    assert last == EngineReady()
    assert conversation.session.opened == OPENED


@pytest.mark.parametrize("failure", [DIED, Failed(id=None, text="on another base")])
async def test_an_engine_that_cannot_open_is_down(conversation_of, failure):
    conversation = conversation_of(opening=[(failure,)])
    *_, last = await collected(conversation.open())
    assert last == EngineDown(failure, None)
    assert last.reason in {DIED.reason, "on another base"}
    assert conversation.session.engine == "down"


async def test_an_exchange_collects_every_answer_and_ends_ready(conversation_of):
    conversation = await opened(conversation_of(FIRST))
    exchange = conversation.session.ask("why")
    events = await collected(conversation.ask(exchange))
    assert events[0] == ExchangeStarted(exchange)
    assert events[-1] == ExchangeFinished(exchange)
    assert sum(isinstance(event, Delta) for event in events) == 4
    assert [event.done.lane for event in events if isinstance(event, AnswerFinished)] == [
        "base",
        "tuned",
    ]
    assert exchange.answers["tuned"].text == "Please log in to your account."
    assert conversation.session.engine == "ready"


async def test_queued_prompts_follow_without_the_conversation_before_them(conversation_of):
    conversation = await opened(conversation_of(FIRST, SECOND))
    conversation.session.queue.pack = ["probe"]
    exchange = conversation.session.ask("why")
    events = await collected(conversation.ask(exchange))
    finished = [event.exchange.prompt for event in events if isinstance(event, ExchangeFinished)]
    assert finished == ["why", "probe"]
    _, probe = conversation.client.requests
    assert [turn.content for turn in probe.conversations["tuned"]] == ["probe"]


async def test_a_refused_prompt_is_taken_back(conversation_of):
    conversation = await opened(conversation_of([REFUSED]))
    exchange = conversation.session.ask("long")
    *_, last = await collected(conversation.ask(exchange))
    assert last == ExchangeRefused(exchange, REFUSED.text)
    assert conversation.session.exchanges == []
    assert conversation.session.engine == "ready"


async def test_an_engine_that_dies_during_an_answer_leaves_what_was_answered(conversation_of):
    conversation = await opened(conversation_of([done("tuned", "whole"), DIED]))
    exchange = conversation.session.ask("why")
    *_, last = await collected(conversation.ask(exchange))
    assert last == EngineDown(DIED, exchange)
    assert list(exchange.answers) == ["tuned"]
    assert conversation.session.exchanges == [exchange]


async def test_each_answer_is_scored_against_the_other_model_and_only_once(conversation_of):
    scores = [token_scores(("B", 4.0)), token_scores(("T", 2.0))]
    conversation = await opened(conversation_of(FIRST, scores=scores))
    exchange = await answered(conversation)
    events = await collected(conversation.score(exchange))
    assert set(events) == {ScoresChanged(exchange)}
    requests = conversation.client.score_requests
    assert [(request.lane, request.other) for request in requests] == [
        ("base", "tuned"),
        ("tuned", "base"),
    ]
    assert conversation.session.token_scores.of(exchange, "tuned")[0].surprise == 2.0
    assert conversation.session.token_scores.pending is None
    await collected(conversation.score(exchange))
    assert len(requests) == 2


@pytest.mark.parametrize(
    ("reply", "event"), [(REFUSED, ScoringFailed(REFUSED.text)), (DIED, EngineDown(DIED, None))]
)
async def test_scoring_ends_with_the_first_failure(conversation_of, reply, event):
    conversation = await opened(conversation_of(FIRST, scores=[reply]))
    exchange = await answered(conversation)
    events = await collected(conversation.score(exchange))
    assert events == [ScoresChanged(exchange), event, ScoresChanged(exchange)]
    assert conversation.session.token_scores.pending is None
    assert len(conversation.client.score_requests) == 1


async def test_the_death_of_an_engine_that_was_already_replaced_is_ignored(conversation_of):
    conversation = await opened(conversation_of(FIRST, scores=[DIED]))
    exchange = await answered(conversation)
    conversation.session.engine_starting()
    events = await collected(conversation.score(exchange))
    assert events == [ScoresChanged(exchange)] * 2
    assert conversation.session.engine == "loading"


async def test_scoring_waits_for_the_answers_in_progress(conversation_of):
    blocked = [None, done("base", "B"), done("tuned", "T"), Finished(id=1)]
    conversation = await opened(conversation_of(FIRST, blocked, scores=[token_scores()] * 2))
    exchange = await answered(conversation)
    second = conversation.session.ask("two")
    answering = asyncio.create_task(collected(conversation.ask(second)))
    scoring = asyncio.create_task(collected(conversation.score(exchange)))
    while len(conversation.client.requests) < 2:
        await asyncio.sleep(0)
    assert conversation.client.score_requests == []
    conversation.client.resume.set()
    await asyncio.gather(answering, scoring)
    assert len(conversation.client.score_requests) == 2


async def test_an_abandoned_exchange_does_not_block_the_next_request(conversation_of):
    conversation = await opened(conversation_of(FIRST, SECOND))
    events = conversation.ask(conversation.session.ask("one"))
    while not isinstance(await anext(events), Delta):
        pass
    await events.aclose()
    conversation.session.finish()
    exchange = conversation.session.ask("two")
    *_, last = await asyncio.wait_for(collected(conversation.ask(exchange)), timeout=5)
    assert last == ExchangeFinished(exchange)
