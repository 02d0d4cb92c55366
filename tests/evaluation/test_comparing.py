"""Runs side by side: fronts, differing fields, and what does not compare."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.evaluation.reports import Suite, made, task
from workbench.core.errors import NotFoundError
from workbench.evaluation.analysis.comparison import (
    Contestant,
    compare,
    differences,
    read_contestant,
)
from workbench.evaluation.analysis.findings import Findings, Interval, TargetTask
from workbench.evaluation.analysis.published_results import shipped_prior
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from workbench.runs.folder import Runs


def contestant(
    run: str, score: float | None, index: float | None, kl: float, **recipe: Any
) -> Contestant:
    def near(value: float) -> Interval:
        return Interval(value=value, low=value - 0.1, high=value + 0.1)

    findings = Findings(
        verdict="PASS",
        sentence="",
        margin=0.1,
        retention_index=None if index is None else near(index),
        kl_general=near(kl),
        kl_task=None,
        delta_nll=near(kl / 2),
        domain_leak=None,
        target_task=TargetTask(
            name="target task", n=50, before=0.1, after=score, nll_before=3.0, nll_after=1.0 + kl
        ),
        capabilities=(),
        items=(),
        noise_floor=None,
    )
    return Contestant(run, Recipe.model_validate({"name": run, **recipe}), findings)


def test_a_run_that_another_beats_on_both_axes_is_off_the_front() -> None:
    runs = compare(
        [
            contestant("best", 0.9, 0.9, 0.1),
            contestant("beaten", 0.8, 0.9, 0.2),
            contestant("keeper", 0.5, 1.0, 0.05),
            contestant("learner", 1.0, 0.2, 0.9),
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
            contestant("a", 0.9, 0.9, 0.1),
            contestant("b", 0.9, 0.9, 0.1),
            contestant("c", 0.9, 0.9, 0.3),
        ]
    ).runs
    assert "kl_general" in first.fronts
    assert "kl_general" in second.fronts
    assert third.fronts == ("retention_index",)


def test_the_front_falls_monotonically_and_beats_everything_below() -> None:
    made_up = [
        contestant(f"r{n}", (n * 37 % 101) / 101, (n * 53 % 97) / 97, 0.1) for n in range(60)
    ]
    runs = compare(made_up).runs
    front = sorted(
        (each.learned, each.kept("retention_index"))
        for each in runs
        if "retention_index" in each.fronts
    )
    assert all(low[1] > high[1] for low, high in pairwise(front))
    for each in runs:
        if "retention_index" not in each.fronts:
            point = (each.learned, each.kept("retention_index"))
            assert any(other[0] >= point[0] and other[1] >= point[1] for other in front)


def test_a_run_without_a_retention_index_stands_on_no_front_of_it() -> None:
    alone = compare([contestant("a", 0.9, None, 0.1), contestant("b", 0.5, 0.5, 0.5)])
    assert alone.runs[0].fronts == ("kl_general", "delta_nll")
    assert alone.runs[1].fronts == ("retention_index",)


def test_nats_stand_for_scores_where_one_has_none() -> None:
    comparison = compare([contestant("a", None, 0.9, 0.1), contestant("b", 0.9, 0.9, 0.5)])
    assert comparison.learned_as == "nll"
    assert comparison.base == 0.0
    assert [each.learned for each in comparison.runs] == pytest.approx([1.9, 1.5])
    assert any("nats won on the held-out rows" in note for note in comparison.notes)


def test_only_the_fields_that_differ_are_told_and_names_are_not() -> None:
    found = differences(
        [
            Recipe.model_validate({"name": "a", "training": {"learning_rate": 1e-3}}),
            Recipe.model_validate(
                {"name": "b", "training": {"learning_rate": 1e-4}, "retention": {"replay": True}}
            ),
        ]
    )
    values = {row.field: row.values for row in found}
    assert found[0].field == "training.learning_rate"
    assert values["training.learning_rate"] == (1e-3, 1e-4)
    assert values["retention.replay.share"][0] is None
    assert values["retention.replay.share"][1] > 0
    assert all(name.startswith(("training.learning_rate", "retention.replay.")) for name in values)


def test_runs_that_do_not_compare_are_called_so() -> None:
    notes = compare(
        [
            contestant("a", 0.9, 0.9, 0.1),
            contestant("b", 0.9, 0.9, 0.1, model={"id": "other"}, data={"train": "other.jsonl"}),
        ]
    ).notes
    assert [note.partition(":")[0] for note in notes] == [
        "the base models differ",
        "the data or the label differ",
    ]
    assert compare([contestant("a", 0.9, 0.9, 0.1), contestant("b", 0.8, 0.9, 0.1)]).notes == ()


def test_a_contestant_is_read_from_its_folder(runs: Runs) -> None:
    run = runs.create(Recipe(name="made"))
    with pytest.raises(NotFoundError, match="has no report"):
        read_contestant(run)
    made(Suite("knowledge", kept=40, never=10)).save(run.report)
    found = read_contestant(run)
    assert (found.run, found.recipe.name) == (run.id, "made")
    assert found.findings.target_task.after == pytest.approx(45 / len(task(45)))


def test_the_published_rows_say_where_they_come_from() -> None:
    prior = shipped_prior()
    assert len(prior.rows) == 8
    assert prior.source.startswith("https://")
    assert "another model" in prior.caution
    forgets_least = min(prior.rows, key=lambda row: row.delta_nll)
    assert (forgets_least.name, forgets_least.score) == ("OSF", 0.427)
