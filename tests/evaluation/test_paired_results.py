"""Recognising the base itself, and refusing reports with gaps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.evaluation.reports import QUICK, Suite, base_again, by_name, items, make_report, texts
from workbench.core.errors import BadInputError
from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.paired_results import is_unchanged
from workbench.evaluation.report import Measurement, Noise, TextResult


def test_the_base_against_itself_passes_everywhere() -> None:
    findings = analyse(base_again(*QUICK, noise=Noise(kl=3e-7, changed=0, items=94)))
    assert findings.verdict == "PASS"
    judged = by_name(findings)
    assert judged.pop("creative") is None
    assert set(judged.values()) == {"PASS"}
    assert all((each.change, each.low, each.high) == (0, 0, 0) for each in findings.capabilities)
    assert all((each.lost, each.gained) == (0, 0) for each in findings.capabilities)
    assert findings.items == ()
    assert findings.kl_general is not None
    assert findings.kl_general.value == findings.kl_general.high == 0
    assert findings.noise_floor == 3e-7
    assert findings.sentence.startswith(
        "The result is still the base: nothing was lost and nothing gained."
    )


def test_the_same_answers_to_a_few_items_are_inconclusive() -> None:
    findings = analyse(make_report(*QUICK, kl=0.02))
    knowledge = findings.capabilities[0]
    end = statistics.Z**2 / (24 + statistics.Z**2)
    assert (knowledge.low, knowledge.high) == pytest.approx((-end, end))
    assert findings.verdict == "INCONCLUSIVE"
    unsure = next(each for each in findings.capabilities if each.verdict == "INCONCLUSIVE")
    assert unsure.needed > unsure.n


def test_the_same_scores_in_different_words_are_not_the_base() -> None:
    report = base_again(*QUICK)
    other = report.before.model_copy(update={"items": items(*QUICK, side=0, says="other words")})
    assert analyse(report.model_copy(update={"after": other})).verdict == "INCONCLUSIVE"


def test_without_a_likelihood_a_result_is_never_taken_for_the_base() -> None:
    report = base_again(*QUICK)
    silent = Measurement(items=report.before.items)
    assert analyse(report.model_copy(update={"before": silent, "after": silent})).verdict != "PASS"


def test_kl_above_the_noise_floor_is_not_the_base() -> None:
    report = base_again(*QUICK, noise=Noise(kl=1e-5, changed=0, items=94))
    for kl, verdict in ((9e-6, "PASS"), (2e-5, "INCONCLUSIVE")):
        after = report.before.model_copy(update={"general": texts(kl), "task": texts(kl)})
        assert analyse(report.model_copy(update={"after": after})).verdict == verdict


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["score", "nll", "kl", "heldout", "noise"])
def test_a_value_that_is_not_finite_is_refused(where: str, value: float) -> None:
    report = make_report(Suite("facts", kept=10))
    after = report.after
    broken: dict[str, dict[str, Any]] = {
        "score": {"items": (after.items[0].model_copy(update={"score": value}), *after.items[1:])},
        "nll": {"general": (TextResult(tokens=5, nll=value), *after.general[1:])},
        "kl": {"task": (TextResult(tokens=5, nll=1, kl=value), *after.task[1:])},
        "heldout": {"heldout_nll": value},
        "noise": {},
    }
    update: dict[str, object] = {"after": after.model_copy(update=broken[where])}
    if where == "noise":
        update["noise"] = Noise(kl=value, changed=0, items=1)
    with pytest.raises(BadInputError, match="not a number"):
        analyse(report.model_copy(update=update))


@pytest.mark.parametrize(
    ("update", "match"),
    [
        ({"items": items(Suite("facts", kept=9), side=1)}, "facts/i9 not measured both"),
        ({"items": items(Suite("other", kept=10), side=1)}, "facts/i0.* and 17 more"),
        ({"general": texts(0.1, sequences=3)}, "general: 16 results before, 3 after"),
        ({"target": ()}, "target: 50 results before, 0 after"),
    ],
)
def test_gaps_are_refused(update: dict[str, object], match: str) -> None:
    report = make_report(Suite("facts", kept=10))
    after = report.after.model_copy(update=update)
    with pytest.raises(BadInputError, match=match):
        analyse(report.model_copy(update={"after": after}))


def test_a_duplicate_item_is_refused() -> None:
    report = make_report(Suite("facts", kept=3))
    twice = {"items": (*report.before.items, report.before.items[0])}
    sides = {name: getattr(report, name).model_copy(update=twice) for name in ("before", "after")}
    with pytest.raises(BadInputError, match="duplicate probe item"):
        analyse(report.model_copy(update=sides))


@pytest.mark.parametrize(("changed", "unchanged"), [(2, True), (0, False)])
def test_other_words_at_the_same_score_are_the_bases_own_where_it_wavers(
    changed: int, unchanged: bool
) -> None:
    report = base_again(*QUICK, noise=Noise(kl=0.0, changed=changed, items=94))
    first, *rest = report.after.items
    other = first.model_copy(update={"answer": "the same, in other words"})
    after = report.after.model_copy(update={"items": (other, *rest)})
    assert is_unchanged(report.model_copy(update={"after": after})) is unchanged
    wrong = other.model_copy(update={"score": 1 - first.score})
    after = report.after.model_copy(update={"items": (wrong, *rest)})
    assert not is_unchanged(report.model_copy(update={"after": after}))
