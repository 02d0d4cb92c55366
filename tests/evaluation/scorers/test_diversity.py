"""Distinct-2 and compression against numbers counted by hand."""

from __future__ import annotations

import zlib

from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers.diversity import (
    DiversityScorer,
    compression_ratio,
    distinct_2,
)

ITEM = Item(id="c1", prompt="Write a line.")


def test_distinct_2_counts_pairs_of_words_over_all_answers() -> None:
    assert distinct_2(["the sea is blue", "The sea is calm."]) == 4 / 6
    assert distinct_2(["a b a b"]) == 2 / 3
    assert distinct_2(["one", ""]) == 0


def test_compression_is_bytes_over_deflated_bytes() -> None:
    text = "naïve " * 100
    assert compression_ratio(text) == 700 / len(zlib.compress(text.encode(), 9))
    assert compression_ratio("na na " * 100) > 10 * compression_ratio("quick brown foxes")


def test_eight_answers_are_sampled_and_counted_together() -> None:
    scorer = DiversityScorer()
    assert scorer.samples == 8
    outcome = scorer.grade(ITEM, ["red sky", "Red  sky", "blue sky"])
    assert outcome.score == 2 / 3
    assert outcome.answer == "red sky"
    assert outcome.numbers["unique"] == 2
    assert outcome.numbers["compression"] == compression_ratio("red sky\nRed  sky\nblue sky")


def test_empty_answers_score_zero() -> None:
    assert DiversityScorer().grade(ITEM, [""] * 8).score == 0
