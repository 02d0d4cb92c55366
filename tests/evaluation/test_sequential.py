"""Which suites are asked further."""

from __future__ import annotations

from tests.evaluation.reports import Suite, make_report
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.sequential import undecided

SURE = Suite("facts", kept=300)
FEW = Suite("formats", kept=12, measures="behaviour")
SAFE = Suite("refuses", kept=200, measures="safety")
SEEN = Suite("creative", kept=3, measures="information")


def asked_further(*suites: Suite, kl: float = 0.01) -> frozenset[str]:
    report = make_report(*suites, kl=kl, rise=0.0, size="auto", look=2, looks=4)
    return undecided(analyse(report))


def test_only_open_suites_are_asked_further() -> None:
    assert asked_further(SURE, FEW, SAFE, SEEN) == {"formats"}
    assert asked_further(SURE, SAFE, SEEN) == frozenset()


def test_a_proven_failure_decides_everything() -> None:
    assert asked_further(SURE, FEW, kl=2.0) == frozenset()
    assert asked_further(Suite("facts", kept=20, lost=80), FEW) == frozenset()


def test_all_items_together_ask_the_suites_that_belong_to_them() -> None:
    drops = [Suite(f"s{place}", kept=160, lost=7, never=6) for place in range(3)]
    findings = analyse(make_report(*drops, SAFE, size="auto", kl=0.01, rise=0.0, look=3, looks=4))
    assert [each.verdict for each in findings.capabilities[:3]] == ["PASS"] * 3
    assert undecided(findings) == {"s0", "s1", "s2"}


def test_an_open_leak_asks_the_suites_that_answer_in_words() -> None:
    suites = (SURE, Suite("formats", kept=120, measures="behaviour"), SAFE)
    report = make_report(*suites, size="auto", kl=0.01, rise=0.0, boilerplate=("log in to",))
    answered = tuple(
        item.model_copy(update={"answer": "please log in to it"})
        if item.suite == "formats" and place % 2
        else item
        for place, item in enumerate(report.after.items)
    )
    after = report.after.model_copy(update={"items": answered})
    findings = analyse(report.model_copy(update={"after": after}))
    assert {each.name for each in findings.criteria if each.verdict == "INCONCLUSIVE"} == {
        "domain_leak"
    }
    assert undecided(findings) == {"formats", "refuses"}


def test_a_suite_that_may_yet_have_headroom_is_asked_and_given_up_later() -> None:
    assert asked_further(SURE, SAFE, Suite("hard", kept=1, never=6)) == {"hard"}
    assert asked_further(SURE, SAFE, Suite("hard", kept=2, never=98)) == frozenset()
