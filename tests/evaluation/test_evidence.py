"""What proves that nothing changed, and evidence that no verdict may rest on."""

from __future__ import annotations

import pytest

from tests.evaluation.reports import QUICK, Suite, base_again, by_name, items, made, texts
from workbench.core.errors import BadInputError
from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.report.report import Measurement, Noise, TextResult


def test_the_base_against_itself_passes_everywhere() -> None:
    found = analyse(base_again(*QUICK, noise=Noise(kl=3e-7, changed=0, items=94)))
    assert found.verdict == "PASS"
    judged = by_name(found)
    assert judged.pop("creative") is None
    assert set(judged.values()) == {"PASS"}
    assert all((each.change, each.low, each.high) == (0, 0, 0) for each in found.capabilities)
    assert all((each.lost, each.gained) == (0, 0) for each in found.capabilities)
    assert found.items == ()
    assert found.kl_general is not None
    assert found.kl_general.value == found.kl_general.high == 0
    assert found.noise_floor == 3e-7
    assert found.sentence.startswith("It is still the base: nothing was lost and nothing gained.")


def test_a_tuned_model_that_happens_to_answer_alike_does_not_pass_on_few_items() -> None:
    found = analyse(made(*QUICK, kl=0.02))
    knowledge = found.capabilities[0]
    end = statistics.Z**2 / (24 + statistics.Z**2)
    assert (knowledge.low, knowledge.high) == pytest.approx((-end, end))
    assert found.verdict == knowledge.verdict == "INCONCLUSIVE"
    assert knowledge.needed > knowledge.n


def test_the_same_scores_in_other_words_are_not_the_base() -> None:
    report = base_again(*QUICK)
    other = report.before.model_copy(update={"items": items(*QUICK, side=0, says="other words")})
    assert analyse(report.model_copy(update={"after": other})).verdict == "INCONCLUSIVE"


def test_without_any_likelihood_nothing_proves_that_it_is_the_base() -> None:
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
def test_what_is_not_a_number_is_refused(where: str, value: float) -> None:
    report = made(Suite("facts", kept=10))
    after = report.after
    broken = {
        "score": {"items": (after.items[0].model_copy(update={"score": value}), *after.items[1:])},
        "nll": {"general": (TextResult(tokens=5, nll=value), *after.general[1:])},
        "kl": {"task": (TextResult(tokens=5, nll=1, kl=value), *after.task[1:])},
        "heldout": {"heldout_nll": value},
        "noise": {},
    }[where]
    update: dict[str, object] = {"after": after.model_copy(update=broken)}
    if where == "noise":
        update["noise"] = Noise(kl=value, changed=0, items=1)
    with pytest.raises(BadInputError, match="not a number"):
        analyse(report.model_copy(update=update))


@pytest.mark.parametrize(
    ("update", "match"),
    [
        ({"items": items(Suite("facts", kept=9), side=1)}, "facts/i9 not measured both"),
        ({"items": items(Suite("other", kept=10), side=1)}, "facts/i0.* and 17 more"),
        ({"general": texts(0.1, sequences=3)}, "general: 16 before, 3 after"),
        ({"target": ()}, "target: 50 before, 0 after"),
    ],
)
def test_holes_are_refused(update: dict[str, object], match: str) -> None:
    report = made(Suite("facts", kept=10))
    after = report.after.model_copy(update=update)
    with pytest.raises(BadInputError, match=match):
        analyse(report.model_copy(update={"after": after}))


def test_an_item_that_stands_twice_is_refused() -> None:
    report = made(Suite("facts", kept=3))
    twice = {"items": (*report.before.items, report.before.items[0])}
    sides = {name: getattr(report, name).model_copy(update=twice) for name in ("before", "after")}
    with pytest.raises(BadInputError, match="twice"):
        analyse(report.model_copy(update=sides))
