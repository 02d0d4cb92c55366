"""The state and the rules of a chat, without a screen."""

from __future__ import annotations

import pytest

from tests.chat.scripted_client import OPENED, done
from workbench.chat.protocol import LaneFacts, Source
from workbench.chat.session import ChatSession
from workbench.chat.settings import ChatSettings
from workbench.recipe.recipe import Recipe

CROSSED = {"base": "tuned", "tuned": "base"}
ACTIONS = (
    "add_probe",
    "annotate",
    "blind",
    "clear",
    "copy",
    "edit",
    "judge",
    "lanes",
    "regenerate",
    "restart",
    "search",
    "select_exchange",
    "show_differences",
    "show_surprise",
    "strength",
    "write",
)


def opened(*more):
    return OPENED.model_copy(update={"lanes": (*OPENED.lanes, *more)})


def facts(name, *, scalable=True):
    return LaneFacts(name=name, decoding="one batch", extra_bytes=0, scalable=scalable)


@pytest.fixture
def session(runs):
    chat = ChatSession(runs.create(Recipe(name="support")))
    chat.engine_ready(opened())
    return chat


@pytest.fixture
def blind_session(session, monkeypatch):
    monkeypatch.setattr("workbench.chat.blind.shuffle_lanes", lambda: CROSSED)
    session.blind.enabled = True
    return session


def ask(session, prompt, **answers):
    exchange = session.ask(prompt)
    for lane, text in answers.items():
        session.add_answer(done(lane.replace("_", "-"), text))
    session.finish()
    return exchange


def ask_both(session, prompt):
    return ask(session, prompt, base="B", tuned="T")


def said(exchange, lane):
    return [(turn.role, turn.content) for turn in exchange.conversations[lane]]


def allowed(session):
    return {action for action in ACTIONS if session.can(action)}


# The conversation


def test_each_lane_is_asked_with_its_own_history_and_the_current_system_prompt(session):
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
    assert (session.exchanges[0].turn, second.turn) == (1, 2)


def test_a_lost_answer_removes_the_question_from_that_lane_only(session):
    first = ask(session, "one", base="B1")
    assert first.lacks("tuned")
    assert not first.lacks("base")
    second = ask(session, "two")
    assert said(second, "tuned") == [("user", "two")]
    assert said(second, "base")[0] == ("user", "one")


def test_a_standalone_exchange_neither_sees_nor_joins_the_conversation(session):
    ask_both(session, "one")
    session.queue.pack = ["probe"]
    probe = session.ask_next()
    for lane in ("base", "tuned"):
        session.add_answer(done(lane, "x"))
    session.finish()
    assert said(probe, "base") == [("user", "probe")]
    assert [content for _, content in said(ask_both(session, "two"), "base")] == ["one", "B", "two"]


def test_an_exchange_keeps_its_settings_and_strengths(session):
    session.lanes.change_strength(-0.3)
    session.settings = ChatSettings(temperature=0.7, seed=3)
    first = ask_both(session, "one")
    session.lanes.change_strength(0.2)
    session.settings = ChatSettings()
    request = first.generate_request()
    assert request.strengths == {"tuned": 0.7}
    assert (request.sampling.temperature, request.sampling.seed) == (0.7, 3)
    score = first.score_request("tuned", "base")
    assert (score.lane, score.other, score.strengths) == ("tuned", "base", {"tuned": 0.7})
    assert score.tokens == first.answers["tuned"].token_ids
    assert score.conversation == first.conversations["tuned"]


def test_an_answer_is_outdated_while_the_next_would_have_another_strength(session):
    assert session.outdated_strength("tuned") is None
    ask_both(session, "one")
    session.lanes.change_strength(-0.1)
    assert session.outdated_strength("tuned") == 1.0
    session.lanes.change_strength(0.1)
    assert session.outdated_strength("tuned") is None


def test_a_lane_that_is_added_later_does_not_know_the_conversation(session):
    ask(session, "one", base="B1", tuned="T1")
    name = session.lanes.free_name()
    session.lanes.add(Source(lane=name, run="elsewhere"), "other run")
    session.engine_starting()
    session.engine_ready(opened(facts(name, scalable=False)))
    second = ask(session, "two", base="B2", tuned="T2", tuned_2="O2")
    assert said(second, name) == [("user", "two")]
    assert len(said(second, "base")) == 3
    assert session.lanes.strengths() == {"tuned": 1.0}


def test_the_answers_of_a_removed_lane_stay(session):
    session.lanes.add(Source(lane="tuned-2", run="elsewhere"), "other")
    session.engine_ready(opened(facts("tuned-2")))
    exchange = ask(session, "one", base="B", tuned="T", tuned_2="O")
    session.lanes.remove("tuned-2")
    assert exchange.answers["tuned-2"].text == "O"
    assert "tuned-2" not in ask(session, "two").conversations


def test_a_record_has_all_that_a_transcript_needs(session):
    ask_both(session, "one")
    session.settings = ChatSettings(system="Be brief", max_tokens=9)
    record = session.record(ask(session, "two", base="B"), "it died")
    assert (record.prompt, record.turn, record.system, record.max_tokens) == (
        "two",
        2,
        "Be brief",
        9,
    )
    assert (record.proof, record.strengths, record.error) == ("proven", {"tuned": 1.0}, "it died")
    assert record.models == {"base": "SmolLM2-135M-Instruct", "tuned": "support"}
    assert list(record.answers) == ["base"]


# The queue


def test_a_prompt_sent_while_loading_is_asked_once_when_the_engine_is_ready(session):
    session.engine_starting()
    session.queue.waiting = "early"
    assert session.ask_next() is None
    session.engine_ready(opened())
    exchange = session.ask_next()
    assert (exchange.prompt, exchange.standalone) == ("early", False)
    session.finish()
    assert session.ask_next() is None


def test_a_pack_is_asked_in_order_and_never_during_an_answer(session):
    session.queue.pack = ["one", "two"]
    assert session.ask_next().prompt == "one"
    assert session.ask_next() is None
    session.finish()
    assert session.ask_next().prompt == "two"


@pytest.mark.parametrize("stop", ["engine_failed", "refuse", "clear"])
def test_a_failure_a_refusal_and_clearing_drop_the_rest_of_a_pack(session, stop):
    session.queue.pack = ["one", "two"]
    session.ask_next()
    getattr(session, stop)()
    session.engine = "ready"
    assert session.ask_next() is None


def test_a_waiting_prompt_survives_an_engine_that_fails(session):
    session.engine_starting()
    session.queue.waiting = "early"
    assert session.engine_failed() is None
    session.engine_starting()
    session.engine_ready(opened())
    assert session.ask_next().prompt == "early"


def test_an_engine_that_fails_during_an_answer_leaves_that_exchange_unfinished(session):
    ask_both(session, "one")
    assert session.engine_failed() is None
    session.engine_ready(opened())
    exchange = session.ask("two")
    assert session.engine_failed() is exchange
    assert session.engine_failed() is None


# Blind mode


def test_the_next_prompt_waits_until_hidden_answers_are_judged(blind_session):
    session = blind_session
    exchange = session.ask("one")
    assert session.phase == "answering"
    session.finish()
    session.queue.pack = ["two"]
    assert session.phase == "judging"
    assert session.ask_next() is None
    assert session.blind.reveal() is exchange
    assert session.phase == "ready"
    assert session.ask_next().prompt == "two"


def test_only_the_two_own_lanes_are_judged_blind(blind_session):
    blind_session.lanes.add(Source(lane="tuned-2", run="elsewhere"), "other")
    blind_session.ask("one")
    assert blind_session.blind.exchange is None


@pytest.mark.parametrize("remove", ["take_back", "refuse", "clear"])
def test_a_removed_exchange_hides_nothing(blind_session, remove):
    blind_session.ask("one")
    getattr(blind_session, remove)()
    assert blind_session.blind.exchange is None


def test_nothing_that_gives_away_the_hidden_model_is_allowed(blind_session):
    ask_both(blind_session, "one")
    assert allowed(blind_session) == {
        "blind",
        "clear",
        "edit",
        "judge",
        "regenerate",
        "show_differences",
    }


# What applies now


def test_an_empty_chat_allows_little(session):
    assert allowed(session) == {"blind", "lanes", "search", "strength"}


def test_an_answered_exchange_can_be_judged_compared_and_copied(session):
    ask_both(session, "one")
    assert allowed(session) == set(ACTIONS) - {"judge", "restart", "select_exchange"}
    ask_both(session, "two")
    assert session.can("select_exchange")


def test_during_an_answer_the_conversation_cannot_be_changed(session):
    ask_both(session, "one")
    session.ask("two")
    assert allowed(session) == {"blind", "search", "select_exchange", "strength"}


def test_without_an_engine_answers_can_be_read_but_nothing_asked(session):
    ask_both(session, "one")
    session.engine_failed()
    assert session.can("restart")
    assert session.can("lanes")
    assert session.can("edit")
    assert not session.can("regenerate")
    session.engine_starting()
    assert not session.can("restart")
    assert not session.can("lanes")


def test_an_exchange_that_only_the_base_answered_cannot_be_judged_or_compared(session):
    ask(session, "one", base="B")
    assert session.can("add_probe")
    assert session.can("copy")
    assert not {"annotate", "show_differences", "show_surprise"} & allowed(session)


def test_a_view_can_always_be_left(session):
    session.toggle_view("surprise")
    assert session.can("show_surprise")
    assert not session.can("show_differences")
    session.toggle_view("surprise")
    assert session.view == "plain"
    assert not session.can("show_surprise")


def test_actions_follow_the_selected_exchange(session):
    ask(session, "one", base="B")
    ask_both(session, "two")
    assert session.can("annotate")
    session.selection.move(-1)
    assert session.target.prompt == "one"
    assert not session.can("annotate")
    session.ask("three")
    assert session.target.prompt == "three"


def test_an_unknown_action_is_left_to_others(session):
    assert session.can("focus_next")


def test_a_lane_without_a_strength_greys_its_keys(session):
    session.engine_starting()
    session.engine_ready(
        OPENED.model_copy(update={"lanes": (OPENED.lanes[0], facts("tuned", scalable=False))})
    )
    assert not session.can("strength")


# Token scores


def test_only_the_target_of_the_surprise_view_is_scored_and_never_while_hidden(blind_session):
    session = blind_session
    exchange = ask_both(session, "one")
    session.toggle_view("surprise")
    assert session.exchange_to_score() is None
    session.blind.reveal()
    assert session.exchange_to_score() is exchange
    session.engine_failed()
    assert session.exchange_to_score() is None
    session.engine_ready(opened())
    session.toggle_view("differences")
    assert session.exchange_to_score() is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "greedy"),
        ({"temperature": 0.7}, "temperature 0.7 seed 0"),
        ({"temperature": 1, "top_p": 0.9, "seed": 4}, "temperature 1 top-p 0.9 seed 4"),
        ({"top_p": 0.5, "seed": 4}, "greedy"),
    ],
)
def test_decoding_in_words(settings, words):
    assert ChatSettings(**settings).decoding() == words
