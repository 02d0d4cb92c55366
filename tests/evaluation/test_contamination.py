"""Items that stand in the data are found, and others are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.test_asking import make_suite
from workbench.data.formats import Example, Message
from workbench.evaluation.analysis.contamination import overlapping, texts_of
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers.exact import ExactScorer
from workbench.evaluation.suites.text_normalisation import folded, words

LONG = "Which of the nine planets of old is no longer called a planet?"
SHORT = "Where is Oslo?"
SUITE = make_suite(
    "mine",
    ExactScorer(),
    Item(id="long", prompt=LONG, size="quick"),
    Item(id="short", prompt=SHORT, size="standard"),
    Item(id="late", prompt="What is late?", size="full"),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LONG, ("mine/long",)),
        ("so: which of the nine planets, of OLD, is gone", ("mine/long",)),
        ("which of the nine planets of old was", ()),
        ("where is  Oslo", ("mine/short",)),
        ("Where is Oslo? And Bergen?", ()),
        ("", ()),
    ],
)
def test_eight_words_in_a_row_or_the_whole_of_a_shorter_prompt(
    text: str, found: tuple[str, ...]
) -> None:
    assert overlapping([SUITE], "standard", ["unrelated", text]) == found


def test_only_asked_items_are_looked_for_and_n_is_free() -> None:
    assert overlapping([SUITE], "standard", ["What is late?"]) == ()
    assert overlapping([SUITE], "full", ["What is late?"]) == ("mine/late",)
    assert overlapping([SUITE], "full", ["the nine planets"], n=3) == ("mine/long",)


def test_items_are_named_once_and_in_their_order() -> None:
    texts = [SHORT, LONG, LONG.upper(), SHORT]
    assert overlapping([SUITE], "full", texts) == ("mine/long", "mine/short")


@given(
    st.lists(st.text("ab '-_.\n\u2019Ä", max_size=30), max_size=4),
    st.lists(st.text("ab '-_.\n\u2019Ä", max_size=60), max_size=6),
    st.integers(2, 4),
)
def test_it_finds_what_a_plain_search_finds(prompts: list[str], texts: list[str], n: int) -> None:
    items = [Item(id=str(place), prompt=f"a {text}") for place, text in enumerate(prompts)]
    suite = make_suite("s", ExactScorer(), *items)

    def grams(text: str) -> set[tuple[str, ...]]:
        found = words(folded(text))
        return {tuple(found[at : at + n]) for at in range(max(1, len(found) - n + 1))}

    held = set().union(*map(grams, texts))
    expected = tuple(f"s/{item.id}" for item in items if not held.isdisjoint(grams(item.prompt)))
    assert overlapping([suite], "full", texts, n) == expected


def test_every_turn_and_every_document_is_looked_at() -> None:
    rows = [
        Example(1, {}, messages=(Message("user", "a"), Message("assistant", "b"))),
        Example(2, {}, text="c"),
    ]
    assert list(texts_of(rows)) == ["a", "b", "c"]
