"""Runs side by side: Pareto fronts, differing fields, and runs that are not comparable."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.evaluation.reports import Suite, judged_run, make_report, task
from workbench.core.errors import NotFoundError
from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.comparison import (
    JudgedRun,
    compare,
    differences,
    read_judged_run,
)
from workbench.evaluation.analysis.published_results import published_table
from workbench.evaluation.analysis.run_differences import index_difference
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from workbench.runs.folder import Runs


def test_dominated_runs_are_not_on_the_front() -> None:
    runs = compare(
        [
            judged_run("best", 0.9, 0.9, 0.1),
            judged_run("beaten", 0.8, 0.9, 0.2),
            judged_run("keeper", 0.5, 1.0, 0.05),
            judged_run("learner", 1.0, 0.2, 0.9),
        ]
    ).runs
    assert {each.run: each.fronts[:2] for each in runs} == {
        "best": ("retention_index", "kl_general"),
        "beaten": (),
        "keeper": ("retention_index", "kl_general"),
        "learner": ("retention_index", "kl_general"),
    }


def test_equal_runs_share_the_front_and_less_kl_is_better() -> None:
    first, second, third = compare(
        [
            judged_run("a", 0.9, 0.9, 0.1),
            judged_run("b", 0.9, 0.9, 0.1),
            judged_run("c", 0.9, 0.9, 0.5),
        ]
    ).runs
    assert "kl_general" in first.fronts
    assert "kl_general" in second.fronts
    assert third.fronts == ("retention_index",)


def test_the_front_is_monotonic_and_dominates_all_other_runs() -> None:
    judged = [judged_run(f"r{n}", (n * 37 % 101) / 101, (n * 53 % 97) / 97, 0.1) for n in range(60)]
    runs = compare(judged).runs
    front = sorted(
        (each.learned, each.retained("retention_index"))
        for each in runs
        if "retention_index" in each.fronts
    )
    assert all(low[1] > high[1] for low, high in pairwise(front))
    for each in runs:
        if "retention_index" not in each.fronts:
            point = (each.learned, each.retained("retention_index"))
            assert any(other[0] >= point[0] and other[1] >= point[1] for other in front)


def test_a_run_is_dominated_only_where_the_interval_says_so() -> None:
    near = compare([judged_run("a", 0.9, 0.9, 0.1), judged_run("b", 0.9, 0.85, 0.15)]).runs
    assert all("retention_index" in each.fronts for each in near)  # .05 apart, each ± .1
    far = compare([judged_run("a", 0.9, 0.9, 0.1), judged_run("b", 0.9, 0.7, 0.15)]).runs
    assert "retention_index" in far[0].fronts
    assert "retention_index" not in far[1].fronts


def reported(name: str, *suites: Suite, right: int, kl: float = 0.1) -> JudgedRun:
    """A run with its report, as it is read from its folder."""
    report = make_report(*suites, kl=kl)
    after = report.after.model_copy(update={"target": task(right)})
    report = report.model_copy(update={"after": after})
    return JudgedRun(name, Recipe(name=name), analyse(report), report)


def test_runs_are_paired_on_the_items_that_both_were_asked() -> None:
    keeps = reported("keeps", Suite("facts", kept=80, never=20), right=40)
    loses = reported("loses", Suite("facts", kept=68, lost=12, never=20), right=45)
    (pair,) = compare([keeps, loses]).pairs
    assert (pair.run, pair.other, pair.n, pair.won, pair.lost) == ("keeps", "loses", 100, 12, 0)
    assert pair.p == 2 / 2**12
    assert pair.change is not None
    assert (pair.change.low, pair.change.high) == statistics.score_interval(0, 12, 100)
    assert pair.learned is not None
    assert pair.learned.value == pytest.approx(-0.1)
    assert (pair.learned.low, pair.learned.high) == statistics.score_interval(5, 0, 50)


@pytest.mark.parametrize("form", [{"prompt_form": "completion"}, {"thinking": "stripped"}])
def test_runs_that_were_asked_in_different_forms_are_not_called_comparable(
    form: dict[str, str],
) -> None:
    first, other = (reported(name, Suite("facts", kept=20), right=40) for name in "ab")
    assert not compare([first, other]).notes
    assert other.report is not None
    changed = replace(other, report=other.report.model_copy(update=form))
    (note,) = compare([first, changed]).notes
    assert "asked in different forms" in note


def test_the_front_pairs_text_that_both_runs_were_measured_on() -> None:
    suite = Suite("facts", kept=80, never=20)
    close = [reported("a", suite, right=45, kl=0.1), reported("b", suite, right=45, kl=0.11)]
    fronts = {each.run: each.fronts for each in compare(close).runs}
    assert "kl_general" in fronts["a"]
    assert "kl_general" not in fronts["b"]  # every sequence is .01 further from the base
    assert "retention_index" in fronts["b"]


def test_the_difference_of_indices_is_that_of_the_means() -> None:
    first = reported("a", Suite("facts", kept=80, never=20), right=45)
    second = reported("b", Suite("facts", kept=60, lost=20, never=20), right=45)
    assert first.report is not None
    assert second.report is not None
    difference = index_difference(first.report, second.report, ["facts"])
    assert difference is not None
    assert difference.value == pytest.approx(0.25)  # .2 of .8 that was known
    error = (0.2 - 0.2**2) ** 0.5 / 10 / 0.8
    assert difference.high - difference.value == pytest.approx(1.96 * error, rel=1e-3)


def test_a_run_without_a_metric_is_not_on_its_front() -> None:
    alone = compare([judged_run("a", 0.9, None, 0.1), judged_run("b", 0.5, 0.5, 0.5)])
    assert alone.runs[0].fronts == ("kl_general", "delta_nll")
    assert alone.runs[1].fronts == ("retention_index",)


def test_nats_replace_scores_if_a_run_has_none() -> None:
    comparison = compare([judged_run("a", None, 0.9, 0.1), judged_run("b", 0.9, 0.9, 0.5)])
    assert comparison.learned_as == "nll"
    assert comparison.base == 0.0
    assert [each.learned for each in comparison.runs] == pytest.approx([1.9, 1.5])
    assert any("nats gained on the held-out rows" in note for note in comparison.notes)


def test_only_differing_fields_are_listed_without_names() -> None:
    rows = differences(
        [
            Recipe.model_validate({"name": "a", "training": {"learning_rate": 1e-3}}),
            Recipe.model_validate(
                {"name": "b", "training": {"learning_rate": 1e-4}, "retention": {"replay": True}}
            ),
        ]
    )
    values = {row.field: row.values for row in rows}
    assert rows[0].field == "training.learning_rate"
    assert values["training.learning_rate"] == (1e-3, 1e-4)
    assert values["retention.replay.share"][0] is None
    assert values["retention.replay.share"][1] > 0
    assert all(name.startswith(("training.learning_rate", "retention.replay.")) for name in values)


def test_runs_that_are_not_comparable_are_noted() -> None:
    notes = compare(
        [
            judged_run("a", 0.9, 0.9, 0.1),
            judged_run("b", 0.9, 0.9, 0.1, model={"id": "other"}, data={"train": "other.jsonl"}),
        ]
    ).notes
    assert [note.partition(":")[0] for note in notes] == [
        "base models differ",
        "data or label field differ",
    ]
    assert compare([judged_run("a", 0.9, 0.9, 0.1), judged_run("b", 0.8, 0.9, 0.1)]).notes == ()


def test_a_judged_run_is_read_from_its_folder(runs: Runs) -> None:
    run = runs.create(Recipe(name="made"))
    with pytest.raises(NotFoundError, match="has no report"):
        read_judged_run(run)
    make_report(Suite("knowledge", kept=40, never=10)).save(run.report)
    judged = read_judged_run(run)
    assert (judged.run, judged.recipe.name) == (run.id, "made")
    assert judged.findings.target_task.after == pytest.approx(45 / len(task(45)))


def test_published_rows_name_their_source() -> None:
    table = published_table()
    assert len(table.rows) == 8
    assert table.source.startswith("https://")
    assert "another model" in table.caution
    forgets_least = min(table.rows, key=lambda row: row.delta_nll)
    assert (forgets_least.name, forgets_least.score) == ("OSF", 0.427)
