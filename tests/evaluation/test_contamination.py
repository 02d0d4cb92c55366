"""Probe items that occur in the training data are found, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.suites import make_suite
from workbench.data.formats import Example, Message
from workbench.evaluation.analysis.contamination import contaminated_items, example_texts
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers.exact import ExactScorer
from workbench.evaluation.suites.text_normalisation import fold, words

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
    ("text", "contaminated"),
    [
        (LONG, ("mine/long",)),
        ("so: which of the nine planets, of OLD, is gone", ("mine/long",)),
        ("which of the nine planets of old was", ()),
        ("where is  Oslo", ("mine/short",)),
        ("Where is Oslo? And Bergen?", ()),
        ("", ()),
    ],
)
def test_eight_shared_words_or_a_whole_shorter_prompt_contaminate(
    text: str, contaminated: tuple[str, ...]
) -> None:
    assert contaminated_items([SUITE], "standard", ["unrelated", text]) == contaminated


def test_only_items_of_the_size_are_looked_for() -> None:
    assert contaminated_items([SUITE], "standard", ["What is late?"]) == ()
    assert contaminated_items([SUITE], "full", ["What is late?"]) == ("mine/late",)
    assert contaminated_items([SUITE], "full", ["the nine planets"], n=3) == ("mine/long",)


def test_items_are_listed_once_in_their_order() -> None:
    texts = [SHORT, LONG, LONG.upper(), SHORT]
    assert contaminated_items([SUITE], "full", texts) == ("mine/long", "mine/short")


@given(
    st.lists(st.text("ab '-_.\n\u2019Ä", max_size=30), max_size=4),
    st.lists(st.text("ab '-_.\n\u2019Ä", max_size=60), max_size=6),
    st.integers(2, 4),
)
def test_it_agrees_with_a_brute_force_search(prompts: list[str], texts: list[str], n: int) -> None:
    items = [Item(id=str(place), prompt=f"a {text}") for place, text in enumerate(prompts)]
    suite = make_suite("s", ExactScorer(), *items)

    def ngrams(text: str) -> set[tuple[str, ...]]:
        parts = words(fold(text))
        return {tuple(parts[at : at + n]) for at in range(max(1, len(parts) - n + 1))}

    in_texts = set().union(*map(ngrams, texts))
    expected = tuple(
        f"s/{item.id}" for item in items if not in_texts.isdisjoint(ngrams(item.prompt))
    )
    assert contaminated_items([suite], "full", texts, n) == expected


def test_every_message_and_every_document_is_read() -> None:
    rows = [
        Example(1, {}, messages=(Message("user", "a"), Message("assistant", "b"))),
        Example(2, {}, text="c"),
    ]
    assert list(example_texts(rows)) == ["a", "b", "c"]
