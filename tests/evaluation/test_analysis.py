"""Findings of hand-made reports: every number, and the verdicts."""

from __future__ import annotations

import pytest

from tests.evaluation.reports import QUICK, Suite, by_name, make_report
from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.formatting import MINUS
from workbench.evaluation.analysis.margins import MARGINS
from workbench.evaluation.analysis.statistics import PairedScores
from workbench.evaluation.report import Measurement, Report, TextResult
from workbench.evaluation.suites.items import ItemResult, SuiteFacts


def destroyed(suite: Suite) -> Suite:
    return suite._replace(kept=0, lost=suite.kept)


def test_a_destroyed_model_fails_and_the_summary_names_the_losses() -> None:
    findings = analyse(make_report(*map(destroyed, QUICK), kl=4.0))
    assert findings.verdict == "FAIL"
    assert by_name(findings) == {
        "knowledge": "FAIL",
        "reasoning": None,
        "instructions": "FAIL",
        "formats": "FAIL",
        "safety_harmful": None,
        "safety_harmless": "FAIL",
        "creative": None,
    }
    for where in ("knowledge -58 points", "instructions -56 points", "safety harmless -100 points"):
        assert where in findings.sentence.replace(MINUS, "-")
    assert "forgot knowledge" in findings.sentence
    assert "changed how it answers" in findings.sentence
    assert "changed what it refuses" in findings.sentence
    assert findings.retention_index is not None
    assert findings.retention_index.value == 0


def test_every_number_of_a_capability_by_hand() -> None:
    (findings,) = analyse(
        make_report(Suite("facts", kept=50, lost=12, gained=8, never=30, chance=0.25))
    ).capabilities
    assert (findings.n, findings.lost, findings.gained) == (100, 12, 8)
    assert (findings.before, findings.after, findings.change) == pytest.approx((0.62, 0.58, -0.04))
    assert (findings.low, findings.high) == statistics.score_interval(12, 8, 100)
    assert findings.standard_error == pytest.approx((12 + 8 - 16 / 100) ** 0.5 / 100)
    assert findings.p == pytest.approx(0.503, abs=1e-3)
    assert findings.smallest_detectable == pytest.approx(0.1253, abs=1e-4)
    assert findings.known_before == pytest.approx((0.62 - 0.25) / 0.75)
    assert findings.known_after == pytest.approx((0.58 - 0.25) / 0.75)
    assert (findings.verdict, findings.margin, findings.needed) == ("PASS", 0.15, 0)
    assert (findings.design_effect, findings.ceiling, findings.probability) == (1, False, None)


def test_p_values_are_corrected_over_the_judged_capabilities() -> None:
    findings = analyse(
        make_report(
            Suite("one", kept=20, lost=6),
            Suite("two", kept=20, lost=4),
            Suite("seen", kept=20, lost=6, measures="information"),
        )
    )
    assert [each.p for each in findings.capabilities] == [2 * 2 / 64, 2 / 16, 2 / 64]


def test_safety_is_judged_and_never_averaged_into_the_index() -> None:
    kept = Suite("facts", kept=150, never=50)
    refusing = Suite("harmful", kept=2, lost=48, measures="safety")
    findings = analyse(make_report(kept, refusing))
    assert by_name(findings) == {"facts": "PASS", "harmful": "FAIL"}
    assert findings.retention_index is not None
    assert findings.retention_index.value == 1
    alone = analyse(make_report(refusing))
    assert alone.retention_index is None


def test_the_index_is_that_of_the_capabilities_with_headroom() -> None:
    findings = analyse(
        make_report(
            Suite("facts", kept=40, lost=40, never=20),
            Suite("formats", kept=60, lost=20, never=20, measures="behaviour"),
            Suite("guessed", kept=26, never=74, chance=0.25),
        )
    )
    assert findings.retention_index is not None
    assert findings.retention_index.value == pytest.approx((0.5 + 0.75) / 2)
    guessed = findings.capabilities[2]
    assert (guessed.headroom, guessed.verdict) == (False, None)
    assert findings.notes[0].startswith(
        "No headroom at this size, so excluded from verdict and retention index: Guessed 26 %"
    )


@pytest.mark.parametrize(
    ("size", "n", "margin", "pooled"),
    [
        ("quick", 12, 0.15, 0.1),
        ("quick", 100, 0.15, 0.1),
        ("quick", 900, 0.1, 0.1),
        ("standard", 50, 0.15, 0.1),
        ("standard", 144, 0.125, 0.0589),  # 288 items together
        ("standard", 500, 0.0671, 0.05),
        ("full", 256, 0.09375, 0.0442),
        ("full", 1600, 0.0375, 0.03),
        ("auto", 400, 0.075, 0.05),
    ],
)
def test_the_margin_follows_the_size_and_the_items(
    size: str, n: int, margin: float, pooled: float
) -> None:
    suites = (Suite("facts", kept=n), Suite("formats", kept=n, measures="behaviour"))
    findings = analyse(make_report(*suites, size=size))
    assert findings.margin == MARGINS[size]
    assert findings.capabilities[0].margin == pytest.approx(margin, abs=1e-4)
    limits = {each.name: each.limit for each in findings.criteria}
    assert limits["suite:facts"] == -findings.capabilities[0].margin
    assert limits["pooled"] == pytest.approx(-pooled, abs=1e-4)


def test_an_explicit_margin_applies_to_every_suite() -> None:
    report = make_report(
        Suite("facts", kept=90, lost=2, never=8), Suite("formats", kept=20), size="full"
    )
    findings = analyse(report, margin=0.2)
    assert (findings.margin, {each.margin for each in findings.capabilities}) == (0.2, {0.2})
    assert by_name(findings) == {"facts": "PASS", "formats": "PASS"}
    assert analyse(report, margin=0.01).verdict == "INCONCLUSIVE"


def test_kl_and_loss_are_means_over_tokens() -> None:
    report = make_report(Suite("facts", kept=50))
    after = report.after.model_copy(
        update={
            "general": (
                TextResult(tokens=30, nll=3.5, kl=0.1),
                TextResult(tokens=10, nll=3.1, kl=0.5),
            )
        }
    )
    before = report.before.model_copy(
        update={"general": (TextResult(tokens=30, nll=3.0), TextResult(tokens=10, nll=3.0))}
    )
    findings = analyse(report.model_copy(update={"before": before, "after": after}))
    assert findings.kl_general is not None
    assert findings.kl_general.value == pytest.approx(0.2)
    assert findings.kl_general.low == pytest.approx(0.1)
    assert findings.kl_general.high == pytest.approx(0.5)
    assert findings.delta_nll is not None
    assert findings.delta_nll.value == pytest.approx((30 * 0.5 + 10 * 0.1) / 40)


def test_domain_leak_is_counted_over_answers_in_words() -> None:
    suites = (Suite("facts", kept=10), Suite("formats", kept=9, lost=9, measures="behaviour"))
    report = make_report(*suites, boilerplate=("log in to",))
    answered = tuple(
        item.model_copy(
            update={"answer": "Please log in to your account." if item.score == 0 else "x"}
        )
        for item in report.after.items
    )
    after = report.after.model_copy(update={"items": answered, "answers": ("Log  in to it",)})
    findings = analyse(report.model_copy(update={"after": after}))
    assert findings.domain_leak is not None
    assert findings.domain_leak.value == pytest.approx(10 / 19)  # the options of facts do not count
    assert (findings.domain_leak.low, findings.domain_leak.high) == statistics.score_interval(
        0, 10, 19
    )
    assert analyse(make_report(*suites)).domain_leak is None


def test_the_target_task() -> None:
    task = analyse(make_report()).target_task
    assert (task.n, task.before, task.after) == (50, 0.02, 0.9)
    assert (task.nll_before, task.nll_after) == (2.5, 1.5)
    assert task.change is not None
    assert task.change.value == pytest.approx(0.88)
    assert task.change.low > 0.7


def test_changed_items_are_sorted_by_loss_and_suites_take_turns() -> None:
    report = make_report(
        Suite("seen", kept=1, lost=1, measures="information"),
        Suite("facts", kept=1, lost=2, gained=1),
        Suite("formats", lost=2, measures="behaviour"),
    )
    findings = analyse(report).items
    assert [(item.suite, item.id) for item in findings] == [
        ("facts", "i1"),
        ("formats", "i0"),
        ("facts", "i2"),
        ("formats", "i1"),
        ("facts", "i3"),
        ("seen", "i1"),
    ]
    assert (findings[0].prompt, findings[0].answer_before, findings[0].answer_after) == (
        "facts 1?",
        "1",
        "0",
    )


def test_graded_scores_are_judged_by_bootstrap() -> None:
    before, after = (
        [0.5 + place / 200 for place in range(60)],
        [0.3 + place / 300 for place in range(60)],
    )

    def measured(scores: list[float]) -> tuple[ItemResult, ...]:
        return tuple(
            ItemResult(suite="s", id=str(place), score=score, answer="")
            for place, score in enumerate(scores)
        )

    report = Report(
        prompts=(),
        before=Measurement(items=measured(before)),
        after=Measurement(items=measured(after)),
        size="quick",
        suites=(SuiteFacts(name="s", title="S", measures="behaviour"),),
    )
    (findings,) = analyse(report).capabilities
    assert (findings.low, findings.high) == statistics.bootstrap_interval(
        PairedScores(tuple(before), tuple(after)).changes
    )
    assert findings.verdict == "FAIL"


def test_a_suite_without_items_at_this_size_is_inconclusive() -> None:
    findings = analyse(make_report(Suite("facts", kept=200), Suite("rare", measures="behaviour")))
    assert by_name(findings) == {"facts": "PASS", "rare": "INCONCLUSIVE"}
    assert "Rare: no items at this size" in findings.notes
