"""Results of lm-evaluation-harness become scores, with paired changes where they allow it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.analysis.benchmarks import (
    BenchmarkRound,
    Benchmarks,
    append_round,
    read_benchmarks,
)
from workbench.evaluation.analysis.statistics import mcnemar, score_interval
from workbench.evaluation.lm_eval.harness_scores import benchmark_scores, unpaired_change
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.analysis.findings import BenchmarkScore
    from workbench.runs.folder import Runs


def harness_results(
    values: Sequence[float], *, error: Any = 0.1, samples: bool = True
) -> dict[str, Any]:
    """What ``evaluate`` gives for one task on which the documents score ``values``."""
    documents = [
        {"doc_id": place, "doc_hash": f"h{place}", "filter": "none", "acc": value}
        for place, value in enumerate(values)
    ]
    mean = sum(values) / len(values)
    return {
        "results": {
            "arc": {"alias": "arc", "sample_len": 4, "acc,none": mean, "acc_stderr,none": error}
        },
        "versions": {"arc": 1.0},
        "n-shot": {"arc": 5},
        "n-samples": {"arc": {"original": 40, "effective": len(values)}},
        "higher_is_better": {"arc": {"acc": True}},
        "samples": {"arc": documents if samples else []},
    }


def one(before: dict[str, Any], after: dict[str, Any]) -> BenchmarkScore:
    (score,) = benchmark_scores(before, after)
    return score


def test_changes_are_paired_document_by_document() -> None:
    score = one(harness_results([1, 1, 1, 0, 0, 1]), harness_results([1, 0, 0, 0, 1, 0]))
    assert (score.task, score.metric, score.version, score.few_shot) == ("arc", "acc", "1.0", 5)
    assert (score.n, score.of, score.higher_is_better) == (6, 40, True)
    assert (score.before, score.after) == pytest.approx((4 / 6, 2 / 6))
    assert (score.lost, score.gained, score.p) == (3, 1, mcnemar(3, 1))
    assert score.change.value == pytest.approx(-2 / 6)
    assert (score.change.low, score.change.high) == score_interval(3, 1, 6)


def test_graded_scores_use_the_standard_error_of_their_differences() -> None:
    before, after = [0.1, 0.4, 0.9, 0.3], [0.2, 0.1, 0.5, 0.3]
    score = one(harness_results(before), harness_results(after))
    changes = [b - a for a, b in zip(before, after, strict=True)]
    mean = sum(changes) / 4
    spread = math.sqrt(sum((by - mean) ** 2 for by in changes)) / 4
    assert score.change.low == pytest.approx(mean - 1.959964 * spread)
    assert score.change.high == pytest.approx(mean + 1.959964 * spread)
    assert (score.lost, score.gained) == (2, 1)


@pytest.mark.parametrize("spoil", ["no samples", "other documents", "not their mean"])
def test_unpaired_scores_use_the_standard_errors(spoil: str) -> None:
    before, after = (
        harness_results([1, 1, 0, 0], error=0.3),
        harness_results([1, 0, 0, 0], error=0.4),
    )
    match spoil:
        case "no samples":
            after["samples"] = {}
        case "other documents":
            after["samples"]["arc"][0]["doc_hash"] = "another"
        case "not their mean":
            after["results"]["arc"]["acc,none"] = 0.3
    score = one(before, after)
    assert (score.lost, score.gained, score.p) == (None, None, None)
    assert score.change.high - score.change.value == pytest.approx(1.959964 * 0.5)


def test_without_a_standard_error_there_is_no_interval() -> None:
    score = one(
        harness_results([1, 0], error="N/A", samples=False), harness_results([1, 1], samples=False)
    )
    assert score.change is None
    assert (score.before_error, score.after_error) == (None, 0.1)
    assert unpaired_change(0.1, 0.2, float("nan") or None, 0.1) is not None


def round_of(*scored: BenchmarkScore) -> BenchmarkRound:
    return BenchmarkRound(
        measured=1.0,
        versions={"lm_eval": "0.4.13"},
        device="cpu",
        dtype="float32",
        batch_size=8,
        limit=None,
        chat_template=False,
        scores=scored,
    )


def test_rounds_are_appended_and_the_newest_score_counts(runs: Runs) -> None:
    run = runs.create(Recipe())
    assert read_benchmarks(run) == Benchmarks()
    first = one(harness_results([1, 0]), harness_results([1, 1]))
    other = first.model_copy(update={"task": "hellaswag"})
    newer = first.model_copy(update={"after": 0.0})
    append_round(run, round_of(first, other))
    append_round(run, round_of(newer))
    kept = read_benchmarks(run)
    assert [done.scores for done in kept.rounds] == [(first, other), (newer,)]
    assert kept.latest() == (newer, other)


def test_a_broken_file_is_named(runs: Runs) -> None:
    run = runs.create(Recipe())
    (run.path / "benchmarks.json").write_text("{")
    with pytest.raises(BadInputError, match=r"benchmarks\.json: cannot be read; delete it"):
        read_benchmarks(run)
