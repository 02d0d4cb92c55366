"""Scores of hand-made answers to the target task."""

from __future__ import annotations

import pytest

from workbench.evaluation.report import Measurement, TargetItem
from workbench.evaluation.suites.target_metrics import rouge_l, score


@pytest.mark.parametrize(
    ("metric", "answer", "reference", "expected"),
    [
        ("contains", "[Refund] of course", "refund", 1.0),
        ("contains", "of course", "refund", 0.0),
        ("contains", "nothing of note", "no", 0.0),
        ("contains", "112 pounds", "12", 0.0),
        ("contains", "it is Sofia\u2019s\nbook", "sofia's book", 1.0),
        ("exact", " Refund.\n", "refund", 1.0),
        ("exact", "[refund] of course", "refund", 0.0),
        ("exact", "-5", "5", 0.0),
        ("exact", "C++", "c", 0.0),
        ("exact", '"Yes!"', "yes", 1.0),
        ("rouge_l", "police kill the gunman", "police killed the gunman", 0.75),
        ("rouge_l", "the gunman kill police", "police killed the gunman", 0.5),
        ("rouge_l", "", "police", 0.0),
    ],
)
def test_scores(metric, answer: str, reference: str, expected: float) -> None:
    assert score(metric, answer, reference) == pytest.approx(expected)


def test_rouge_weighs_both_lengths() -> None:
    """LCS 3 of 5 answered and 4 wanted words: precision .6, recall .75, F1 2/3."""
    assert rouge_l("a x b y c", "a b c d") == pytest.approx(2 / 3)


def test_the_target_score_is_the_mean_over_held_out_rows() -> None:
    items = tuple(
        TargetItem(prompt="?", label="refund-request", answer=answer)
        for answer in ("[Refund-Request] Yes.", "Sure: refund-request", "refund", "")
    )
    assert Measurement(target=items).target_score == 0.5
    assert Measurement().target_score is None
