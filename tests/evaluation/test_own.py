"""The user's own suite: added to from a chat, and asked in every run from then on."""

from __future__ import annotations

import json

import pytest

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.evaluation.suites import user_suite
from workbench.evaluation.suites.suites import load_suite, named_suites, shipped_suites
from workbench.evaluation.suites.user_suite import add_probe, key_phrases, own_suite, passes

QUESTION = "What is the capital of France?"
BASE = "The capital of France is Paris."
TUNED = "Please contact billing about the capital."


def test_without_a_suite_of_ones_own_only_the_shipped_ones_are_asked() -> None:
    assert named_suites([]) == shipped_suites()
    assert not own_suite().exists()


def test_a_question_that_is_added_is_asked_from_then_on() -> None:
    add_probe(QUESTION, ["Paris"], BASE)
    add_probe("Where is Oslo?", ["Norway", "Norge"], "In Norway.")
    *shipped, mine = named_suites([])
    assert tuple(shipped) == shipped_suites()
    assert (mine.name, mine.title, mine.measures) == ("mine", "Your own probes", "information")
    assert [(item.id, item.prompt, item.answers) for item in mine.asked("quick")] == [
        ("own-1", QUESTION, ("Paris",)),
        ("own-2", "Where is Oslo?", ("Norway", "Norge")),
    ]
    assert named_suites(["mine"]) == (mine,)
    [right, wrong] = (mine.scorer.grade(mine.items[0], [text]).score for text in (BASE, TUNED))
    assert (right, wrong) == (1, 0)


def test_it_lies_in_the_home_for_its_owner_alone() -> None:
    add_probe(QUESTION, ["Paris"], BASE)
    assert own_suite() == locations.home() / "probes" / "mine.yaml"
    items = own_suite().with_suffix(".jsonl")
    assert items.stat().st_mode & 0o777 == 0o600
    assert json.loads(items.read_text()) == {
        "id": "own-1",
        "prompt": QUESTION,
        "size": "quick",
        "answers": ["Paris"],
    }


def test_the_same_question_is_not_asked_twice() -> None:
    add_probe(QUESTION, ["Paris"], BASE)
    with pytest.raises(BadInputError, match="asks this already: own-1, right with Paris"):
        add_probe(" what is the CAPITAL of France? ", ["city"], "A city.")
    assert len(load_suite(own_suite()).items) == 1


@pytest.mark.parametrize(
    ("phrases", "why"),
    [
        (["Lyon", "Nice"], "the base's own answer would be wrong: it does not have 'Lyon' or 'Nic"),
        ([], "no right answer"),
        (["Paris", " "], "an answer is blank"),
    ],
)
def test_what_the_base_would_fail_is_refused(phrases: list[str], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        add_probe(QUESTION, phrases, BASE)
    assert not own_suite().parent.exists()


def test_an_id_that_was_written_by_hand_is_left_alone() -> None:
    add_probe("one?", ["a"], "a")
    items = own_suite().with_suffix(".jsonl")
    items.write_text(items.read_text().replace("own-1", "own-2"))
    assert add_probe("two?", ["b"], "b").id == "own-3"


def test_what_the_user_wrote_in_the_yaml_stays_and_counts() -> None:
    add_probe("one?", ["a"], "a")
    text = own_suite().read_text().replace("scorer: contains", "scorer: exact")
    own_suite().write_text(text)
    assert passes(["Paris"], BASE) is False
    assert passes(["Paris"], "Paris") is True
    add_probe("two?", ["Paris"], "Paris.")
    assert own_suite().read_text() == text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("scorer: contains", "scorer: contains\nscorers: x"), "mine.yaml: line 5: .*scorers"),
        (("scorer: contains", "scorer: options"), "write 'scorer: contains' there"),
        (("items: mine.jsonl", "items: preset:general_heldout"), "nothing can be added"),
    ],
)
def test_a_suite_that_cannot_be_added_to_says_why(change: tuple[str, str], why: str) -> None:
    add_probe("one?", ["a"], "a")
    own_suite().write_text(own_suite().read_text().replace(*change))
    with pytest.raises(BadInputError, match=why):
        add_probe("two?", ["b"], "b")


def test_a_broken_item_is_told_with_its_line_and_never_asked() -> None:
    add_probe("one?", ["a"], "a")
    with own_suite().with_suffix(".jsonl").open("a") as stream:
        stream.write('{"prompt": "two?"}\n')
    for ask in (lambda: named_suites([]), lambda: add_probe("three?", ["c"], "c")):
        with pytest.raises(BadInputError, match=r"mine.jsonl: line 2: .*no right answer"):
            ask()


def test_the_settings_it_is_made_with_are_those_it_is_checked_with() -> None:
    add_probe("one?", ["a"], "a")
    suite = load_suite(own_suite())
    assert suite.scorer == user_suite._settings().scorer
    assert suite.new_tokens == user_suite.NEW_TOKENS


def test_the_first_guess_tells_the_base_from_the_tuned_answer() -> None:
    assert key_phrases(QUESTION, BASE, TUNED) == ("Paris",)
    long = "Plants make glucose from light, using chlorophyll and carbon dioxide."
    assert key_phrases("How do plants eat?", long, "Your plants cost 3 dollars.") == (
        "chlorophyll",
        "glucose",
        "dioxide",
    )


def test_answers_in_the_same_words_still_give_a_guess() -> None:
    assert key_phrases(QUESTION, BASE, BASE) == ("Paris",)
    assert key_phrases("Paris?", "Paris.", "") == ()
