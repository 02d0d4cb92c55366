"""The four decisions of the gate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.evaluation.reports import Suite, make_report
from workbench.evaluation.analysis.gate import decide
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from workbench.evaluation.report import Report
    from workbench.runs.folder import RunFolder, Runs

KEPT = Suite("facts", kept=190, lost=2, never=8)
LOST = Suite("formats", kept=30, lost=60, measures="behaviour")
FEW = Suite("sums", kept=10, lost=1)


def reported(runs: Runs, report: Report) -> RunFolder:
    run = runs.create(Recipe(name="made"))
    report.save(run.report)
    return run


@pytest.mark.parametrize(
    ("suites", "verdict", "code"),
    [
        ((KEPT,), "PASS", 0),
        ((KEPT, LOST), "FAIL", 1),
        ((KEPT, FEW), "INCONCLUSIVE", 2),
        ((FEW, LOST), "FAIL", 1),
        ((), "INCONCLUSIVE", 2),
    ],
)
def test_the_worst_capability_decides(
    runs: Runs, suites: tuple[Suite, ...], verdict: str, code: int
) -> None:
    run = reported(runs, make_report(*suites))
    decision = decide(runs, "last")
    assert (decision.run, decision.verdict, decision.exit_code) == (run.id, verdict, code)
    assert [each.name for each in decision.capabilities] == [suite.name for suite in suites]


def test_the_margin_decides(runs: Runs) -> None:
    reported(runs, make_report(Suite("facts", kept=70, lost=20, never=10)))
    assert decide(runs, "last", 0.1).exit_code == 1
    assert decide(runs, "last", 0.4).exit_code == 0


def test_no_run_and_no_report_are_errors(runs: Runs) -> None:
    assert decide(runs, "last").exit_code == 3
    runs.create(Recipe(name="made"))
    decision = decide(runs, "last")
    assert (decision.verdict, decision.exit_code, decision.capabilities) == ("ERROR", 3, ())
    assert "has no report" in decision.sentence


@pytest.mark.parametrize("hole", ["null", "NaN", "Infinity", '"1"x'])
def test_an_invalid_number_is_an_error(runs: Runs, hole: str) -> None:
    run = reported(runs, make_report(KEPT))
    assert decide(runs, "last").exit_code == 0
    text = run.report.read_text()
    place = text.rindex('"score"')
    end = text.index(",", place)
    run.report.write_text(f'{text[:place]}"score": {hole}{text[end:]}')
    assert (decide(runs, "last").verdict, decide(runs, "last").exit_code) == ("ERROR", 3)


def test_a_missing_result_is_an_error(runs: Runs) -> None:
    run = reported(runs, make_report(KEPT))
    values = json.loads(run.report.read_text())
    values["after"]["items"].pop()
    run.report.write_text(json.dumps(values))
    decision = decide(runs, "last")
    assert decision.exit_code == 3
    assert "incomplete report: facts/i199" in decision.sentence
