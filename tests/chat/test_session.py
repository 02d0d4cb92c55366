"""A chat without its screen: histories, strengths, lanes, and what may be done when."""

from __future__ import annotations

import pytest

from workbench.chat.protocol import Done, LaneFacts, Opened, Proof, Source
from workbench.chat.session import ChatSession
from workbench.chat.settings import ChatSettings
from workbench.recipe.recipe import Recipe


def facts(name, *, scalable=True):
    return LaneFacts(name=name, decoding="one batch", extra_bytes=0, scalable=scalable)


def opened(*more):
    proof = Proof(state="proven", distance=0.0, text="the same")
    lanes = (facts("base", scalable=False), facts("tuned"), *more)
    return Opened(lanes=lanes, proof=proof, context=512, device="cpu", dtype="float32")


def done(lane, text):
    return Done(
        id=1,
        lane=lane,
        text=text,
        token_ids=(1, 2),
        seconds=1.0,
        first_token_seconds=0.5,
        finish="stop",
    )


@pytest.fixture
def session(runs):
    chat = ChatSession(runs.create(Recipe(name="support")))
    chat.open(opened())
    return chat


def ask(session, prompt, **answers):
    exchange = session.ask(prompt)
    for lane, text in answers.items():
        session.answer(done(lane.replace("_", "-"), text))
    session.finish()
    return exchange


def said(exchange, lane):
    return [(turn.role, turn.content) for turn in exchange.conversations[lane]]


def test_each_lane_is_asked_with_its_own_history_and_the_system_prompt_of_the_moment(session):
    ask(session, "one", base="B1", tuned="T1")
    session.settings = ChatSettings(system="Be brief")
    second = ask(session, "two", base="B2", tuned="T2")
    assert said(second, "tuned") == [
        ("system", "Be brief"),
        ("user", "one"),
        ("assistant", "T1"),
        ("user", "two"),
    ]
    assert said(second, "base")[2] == ("assistant", "B1")
    assert said(session.exchanges[0], "base") == [("user", "one")]


def test_a_lost_answer_leaves_the_question_out_of_that_lane_only(session):
    first = ask(session, "one", base="B1")
    assert first.lacks("tuned")
    assert not first.lacks("base")
    second = ask(session, "two")
    assert said(second, "tuned") == [("user", "two")]
    assert said(second, "base")[0] == ("user", "one")


def test_an_exchange_keeps_what_it_was_asked_with(session):
    session.turn("tuned", -0.3)
    session.settings = ChatSettings(temperature=0.7, seed=3)
    first = ask(session, "one", base="B", tuned="T")
    session.turn("tuned", 0.2)
    session.settings = ChatSettings()
    assert first.strengths == {"tuned": 0.7}
    assert first.settings.sampling.temperature == 0.7
    assert first.settings.sampling.seed == 3


@pytest.mark.parametrize(
    ("steps", "strength"), [((0.1,) * 9, 1.5), ((-0.1,) * 14, 0.0), ((-0.1,) * 3, 0.7)]
)
def test_a_strength_moves_in_steps_between_its_ends(session, steps, strength):
    for step in steps:
        session.turn("tuned", step)
    assert session.strengths() == {"tuned": strength}


def test_an_answer_is_outdated_while_the_next_would_have_another_strength(session):
    assert session.outdated("tuned") is None
    ask(session, "one", base="B", tuned="T")
    session.turn("tuned", -0.1)
    assert session.outdated("tuned") == 1.0
    session.turn("tuned", 0.1)
    assert session.outdated("tuned") is None


def test_a_prompt_sent_while_loading_is_handed_out_once(session):
    session.begin()
    session.waiting = "early"
    assert session.open(opened()) == "early"
    assert session.open(opened()) is None


def test_what_may_be_done_follows_the_engine(session):
    assert not session.can_ask_again
    session.ask("one")
    assert not session.can_ask_again
    assert not session.can_forget
    session.finish()
    assert session.can_ask_again
    session.go_down()
    assert not session.can_ask_again
    assert session.can_forget


def test_a_lane_that_joins_later_knows_nothing_of_what_was_said(session):
    ask(session, "one", base="B1", tuned="T1")
    name = session.free_name()
    session.add(Source(lane=name, run="elsewhere"), "other run")
    session.begin()
    session.open(opened(facts(name, scalable=False)))
    second = ask(session, "two", base="B2", tuned="T2", tuned_2="O2")
    assert said(second, name) == [("user", "two")]
    assert len(said(second, "base")) == 3
    assert [source.lane for source in session.others] == [name]
    assert session.strengths() == {"tuned": 1.0}


def test_lanes_have_names_of_their_own_and_an_end(session):
    names = []
    while not session.full:
        names.append(session.free_name())
        session.add(Source(lane=names[-1], run="elsewhere"), "other")
    assert names == ["tuned-2", "tuned-3"]
    session.remove("tuned-2")
    assert session.names == ("base", "tuned", "tuned-3")
    assert session.free_name() == "tuned-2"


def test_what_a_removed_lane_said_stays(session):
    session.add(Source(lane="tuned-2", run="elsewhere"), "other")
    session.open(opened(facts("tuned-2")))
    exchange = ask(session, "one", base="B", tuned="T", tuned_2="O")
    session.remove("tuned-2")
    assert exchange.answers["tuned-2"].text == "O"
    assert "tuned-2" not in ask(session, "two").conversations


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "greedy"),
        ({"temperature": 0.7}, "temperature 0.7 seed 0"),
        ({"temperature": 1, "top_p": 0.9, "seed": 4}, "temperature 1 top-p 0.9 seed 4"),
        ({"top_p": 0.5, "seed": 4}, "greedy"),
    ],
)
def test_how_the_next_token_is_picked_in_words(settings, words):
    assert ChatSettings(**settings).picking() == words
