"""The user's own suite: added to from a chat, asked in every run, and checked before launch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.evaluation.report import read_report
from workbench.evaluation.suites import user_suite
from workbench.evaluation.suites.scorer import AnswerScorer
from workbench.evaluation.suites.suites import load_suite, named_suites, shipped_suites
from workbench.evaluation.suites.user_suite import add_probe, key_phrases, passes, user_suite_path
from workbench.planning.preflight import preflight
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]

QUESTION = "What is the capital of France?"
BASE = "The capital of France is Paris."
TUNED = "Please contact billing about the capital."


def test_without_a_user_suite_only_the_shipped_ones_are_asked() -> None:
    assert named_suites([]) == shipped_suites()
    assert not user_suite_path().exists()


def test_a_question_that_is_added_is_asked_from_then_on() -> None:
    add_probe(QUESTION, ["Paris"], BASE)
    add_probe("Where is Oslo?", ["Norway", "Norge"], "In Norway.")
    *shipped, mine = named_suites([])
    assert tuple(shipped) == shipped_suites()
    assert (mine.name, mine.title, mine.measures) == ("mine", "Your own probes", "information")
    assert [(item.id, item.prompt, item.answers) for item in mine.items_at("quick")] == [
        ("own-1", QUESTION, ("Paris",)),
        ("own-2", "Where is Oslo?", ("Norway", "Norge")),
    ]
    assert named_suites(["mine"]) == (mine,)
    assert isinstance(mine.scorer, AnswerScorer)
    [right, wrong] = (mine.scorer.grade(mine.items[0], [text]).score for text in (BASE, TUNED))
    assert (right, wrong) == (1, 0)


def test_it_is_private_to_its_owner() -> None:
    add_probe(QUESTION, ["Paris"], BASE)
    assert user_suite_path() == locations.home() / "probes" / "mine.yaml"
    items = user_suite_path().with_suffix(".jsonl")
    assert items.stat().st_mode & 0o777 == 0o600
    assert json.loads(items.read_text()) == {
        "id": "own-1",
        "prompt": QUESTION,
        "size": "quick",
        "answers": ["Paris"],
    }


def test_the_same_question_is_not_asked_twice() -> None:
    add_probe(QUESTION, ["Paris"], BASE)
    with pytest.raises(BadInputError, match="already has this question: own-1, answer Paris"):
        add_probe(" what is the CAPITAL of France? ", ["city"], "A city.")
    assert len(load_suite(user_suite_path()).items) == 1


@pytest.mark.parametrize(
    ("phrases", "why"),
    [
        (
            ["Lyon", "Nice"],
            "the base's own answer would be wrong: it does not contain 'Lyon' or 'N",
        ),
        ([], "no right answer"),
        (["Paris", " "], "an answer is blank"),
    ],
)
def test_a_probe_that_the_base_fails_is_refused(phrases: list[str], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        add_probe(QUESTION, phrases, BASE)
    assert not user_suite_path().parent.exists()


def test_ids_edited_by_hand_are_not_reused() -> None:
    add_probe("one?", ["a"], "a")
    items = user_suite_path().with_suffix(".jsonl")
    items.write_text(items.read_text().replace("own-1", "own-2"))
    assert add_probe("two?", ["b"], "b").id == "own-3"


def test_edits_of_the_yaml_are_kept_and_used() -> None:
    add_probe("one?", ["a"], "a")
    text = user_suite_path().read_text().replace("scorer: contains", "scorer: exact")
    user_suite_path().write_text(text)
    assert passes(["Paris"], BASE) is False
    assert passes(["Paris"], "Paris") is True
    add_probe("two?", ["Paris"], "Paris.")
    assert user_suite_path().read_text() == text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("scorer: contains", "scorer: contains\nscorers: x"), "mine.yaml: line 5: .*scorers"),
        (("scorer: contains", "scorer: options"), "set 'scorer: contains'"),
        (("items: mine.jsonl", "items: preset:general_heldout"), "items cannot be added to"),
    ],
)
def test_a_suite_that_cannot_be_extended_is_refused(change: tuple[str, str], why: str) -> None:
    add_probe("one?", ["a"], "a")
    user_suite_path().write_text(user_suite_path().read_text().replace(*change))
    with pytest.raises(BadInputError, match=why):
        add_probe("two?", ["b"], "b")


def test_a_broken_item_is_reported_with_its_line() -> None:
    add_probe("one?", ["a"], "a")
    with user_suite_path().with_suffix(".jsonl").open("a") as stream:
        stream.write('{"prompt": "two?"}\n')
    for ask in (lambda: named_suites([]), lambda: add_probe("three?", ["c"], "c")):
        with pytest.raises(BadInputError, match=r"mine.jsonl: line 2: .*no right answer"):
            ask()


def test_a_new_suite_has_the_settings_that_probes_are_checked_with() -> None:
    add_probe("one?", ["a"], "a")
    suite = load_suite(user_suite_path())
    assert suite.scorer == user_suite._read_settings().scorer
    assert suite.new_tokens == user_suite.NEW_TOKENS


def test_suggested_phrases_tell_the_base_from_the_tuned_answer() -> None:
    assert key_phrases(QUESTION, BASE, TUNED) == ("Paris",)
    long = "Plants make glucose from light, using chlorophyll and carbon dioxide."
    assert key_phrases("How do plants eat?", long, "Your plants cost 3 dollars.") == (
        "chlorophyll",
        "glucose",
        "dioxide",
    )


def test_equal_answers_still_give_a_suggestion() -> None:
    assert key_phrases(QUESTION, BASE, BASE) == ("Paris",)
    assert key_phrases("Paris?", "Paris.", "") == ()


@pytest.fixture
def only_user_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the shipped suites, which have too many questions for a tiny model."""
    monkeypatch.setattr("workbench.evaluation.suites.suites.shipped_suites", tuple)
    add_probe("What is 1?", ["one"], "one")
    user_suite_path().write_text(
        user_suite_path().read_text().replace("new_tokens: 256", "new_tokens: 4")
    )


@pytest.mark.dtype
@pytest.mark.slow
@pytest.mark.usefixtures("only_user_suite")
def test_a_probe_added_between_two_runs_is_asked_in_the_second(trained: Train) -> None:
    asked: list[list[str]] = []
    for question in ("What is 2?", "What is 3?"):
        run, view = trained("evaluation.size=quick", "training.max_steps=1")
        assert view.status.state == "finished", view.status.reason
        report = read_report(run)
        assert [facts.title for facts in report.suites] == ["Your own probes"]
        sides = (report.before, report.after)
        asked += [[item.prompt for item in side.items] for side in sides]
        add_probe(question, ["two"], "two")
    assert asked == [["What is 1?"], ["What is 1?"]] + 2 * [["What is 1?", "What is 2?"]]


def test_a_broken_suite_is_refused_before_launch_unless_other_suites_are_named(
    tiny_model: Path, rows: Path
) -> None:
    add_probe("What is 1?", ["one"], "one")
    user_suite_path().with_suffix(".jsonl").write_text('{"prompt": "?"}\n')
    values = {"model": {"id": str(tiny_model)}, "data": {"train": str(rows)}}
    with pytest.raises(BadInputError, match=r"mine.jsonl: line 1: .*no right answer"):
        preflight(yaml_io.validate(values))
    preflight(yaml_io.validate(yaml_io.override(values, ["evaluation.suites=[creative]"])))
    preflight(yaml_io.validate(yaml_io.override(values, ["evaluation.size=none"])))
