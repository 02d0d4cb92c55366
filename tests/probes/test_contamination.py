"""Items that stand in the data are found, and others are not."""

from __future__ import annotations

import pytest

from tests.probes.test_asking import make_suite
from workbench.data.formats import Example, Message
from workbench.probes.contamination import overlapping, texts_of
from workbench.probes.items import Item
from workbench.probes.scorers.exact import ExactScorer

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


def test_every_turn_and_every_document_is_looked_at() -> None:
    rows = [
        Example(1, {}, messages=(Message("user", "a"), Message("assistant", "b"))),
        Example(2, {}, text="c"),
    ]
    assert list(texts_of(rows)) == ["a", "b", "c"]
