"""Results of lm-evaluation-harness on base and tuned model, side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.findings import BenchmarkScore, Interval
from workbench.evaluation.analysis.statistics import PairedScores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    HarnessResults = Mapping[str, Any]

_STANDARD_ERROR = "_stderr"


def benchmark_scores(before: HarnessResults, after: HarnessResults) -> Iterator[BenchmarkScore]:
    """One score for each metric of each task and group.

    Changes are paired if single documents are scored and the task's score is their mean.

    Args:
        before: What the harness's ``evaluate`` returns for the base, samples included.
        after: The same for the tuned model, on the same tasks.
    """
    for task, values in before["results"].items():
        for key, value in values.items():
            metric, comma, filter_name = key.partition(",")
            is_score = comma and not metric.endswith(_STANDARD_ERROR)
            if is_score and isinstance(value, (int, float)):
                yield _score(task, metric, filter_name, (before, after))


def unpaired_change(
    before: float, after: float, before_error: float | None, after_error: float | None
) -> Interval | None:
    """Change of two independent scores with its 95 % interval; None without standard errors.

    ``after - before ± 1.96 sqrt(se_before² + se_after²)``, wider than the paired interval.
    """
    if before_error is None or after_error is None:
        return None
    value, reach = after - before, statistics.Z * math.hypot(before_error, after_error)
    return Interval(value=value, low=value - reach, high=value + reach)


def _score(
    task: str, metric: str, filter_name: str, sides: tuple[HarnessResults, HarnessResults]
) -> BenchmarkScore:
    base = sides[0]
    scores = [float(side["results"][task][f"{metric},{filter_name}"]) for side in sides]
    errors = [
        _finite(side["results"][task].get(f"{metric}{_STANDARD_ERROR},{filter_name}"))
        for side in sides
    ]
    paired = _paired_change(task, metric, filter_name, sides)
    samples = base["n-samples"].get(task, {})
    return BenchmarkScore(
        task=task,
        metric=metric if filter_name == "none" else f"{metric}, {filter_name}",
        version=str(base["versions"].get(task) or ""),
        few_shot=int(base["n-shot"].get(task) or 0),
        n=int(samples.get("effective", base["results"][task].get("sample_len", 0))),
        of=int(samples.get("original", 0)),
        higher_is_better=base["higher_is_better"].get(task, {}).get(metric),
        before=scores[0],
        after=scores[1],
        before_error=errors[0],
        after_error=errors[1],
        **(paired or {"change": unpaired_change(*scores, *errors)}),
    )


def _paired_change(
    task: str, metric: str, filter_name: str, sides: tuple[HarnessResults, HarnessResults]
) -> dict[str, Any]:
    """Change, losses, gains and p; empty if the documents do not determine the score."""
    before, after = (
        _document_scores(side["samples"].get(task, ()), metric, filter_name) for side in sides
    )
    if not before or before.keys() != after.keys():
        return {}
    pairs = PairedScores(tuple(before.values()), tuple(after[document] for document in before))
    reported = (side["results"][task][f"{metric},{filter_name}"] for side in sides)
    if not all(map(_is_mean, reported, (pairs.before, pairs.after))):
        return {}
    return {
        "change": _change(pairs),
        "p": statistics.mcnemar(pairs.lost, pairs.gained),
        "lost": pairs.lost,
        "gained": pairs.gained,
    }


def _change(pairs: PairedScores) -> Interval:
    """Mean change with its 95 % interval: by score for right and wrong, else ± 1.96 SE."""
    value = math.fsum(pairs.changes) / pairs.n
    if pairs.is_binary:
        low, high = statistics.score_interval(pairs.lost, pairs.gained, pairs.n)
    else:
        reach = statistics.Z * statistics.standard_error(pairs)
        low, high = value - reach, value + reach
    return Interval(value=value, low=low, high=high)


def _document_scores(
    samples: Sequence[HarnessResults], metric: str, filter_name: str
) -> dict[tuple[int, str], float]:
    """The score of each document; empty if one of them has no number for a score."""
    scores = {}
    for sample in samples:
        if sample["filter"] == filter_name:
            value = _finite(sample.get(metric))
            if value is None:
                return {}
            scores[sample["doc_id"], sample["doc_hash"]] = value
    return scores


def _finite(value: object) -> float | None:
    """A finite number; None for anything else, such as the harness's ``N/A``."""
    if isinstance(value, (bool, int, float)) and math.isfinite(value):
        return float(value)
    return None


def _is_mean(score: float, values: Sequence[float]) -> bool:
    return math.isclose(score, math.fsum(values) / len(values), abs_tol=1e-9)
