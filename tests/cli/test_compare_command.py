"""``ftwb compare`` prints who learned and kept what, and fails in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.evaluation.reports import Suite, make_report
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from workbench.runs.folder import RunFolder, Runs

    Ftwb = Callable[..., Ended]


def reported(runs: Runs, name: str, kl: float, rate: float) -> RunFolder:
    run = runs.create(Recipe.model_validate({"name": name, "training": {"learning_rate": rate}}))
    make_report(Suite("knowledge", kept=40, never=10), kl=kl).save(run.report)
    return run


def test_compare_prints_fronts_and_differences(ftwb: Ftwb, runs: Runs) -> None:
    mild, harsh = reported(runs, "mild", 0.02, 1e-4), reported(runs, "harsh", 0.5, 1e-3)
    ended = ftwb("compare", "mild", "harsh", "mild", "--json")
    assert ended.code == 0, ended.err
    shown = json.loads(ended.out)
    assert [each["run"] for each in shown["runs"]] == [mild.id, harsh.id]
    assert [each["learned"] for each in shown["runs"]] == [0.9, 0.9]
    assert "kl_general" in shown["runs"][0]["fronts"]
    assert "kl_general" not in shown["runs"][1]["fronts"]
    assert shown["differences"] == [{"field": "training.learning_rate", "values": [1e-4, 1e-3]}]
    assert "prior" not in shown


def test_the_table_has_the_numbers_and_the_prior_its_caution(ftwb: Ftwb, runs: Runs) -> None:
    reported(runs, "mild", 0.02, 1e-4)
    ended = ftwb("compare", "last", "--prior")
    assert ended.code == 0, ended.err
    for part in ("90 %", "0.020", "+0.050", "kept, KL, ΔNLL", "OSF", "published"):
        assert part in ended.out
    assert "another model and another task" in ended.err


def test_a_run_without_a_report_is_refused_in_one_line(ftwb: Ftwb, runs: Runs) -> None:
    runs.create(Recipe(name="young"))
    ended = ftwb("compare", "young")
    assert ended.code == 2
    assert "has no report" in ended.err
    assert ended.err.count("\n") == 1
    assert ftwb("compare").code == 2
