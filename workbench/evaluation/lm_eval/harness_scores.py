"""What lm-evaluation-harness found on base and result, side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workbench.evaluation.analysis.findings import BenchmarkScore
from workbench.evaluation.lm_eval_results import change_of, unpaired_change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Found = Mapping[str, Any]

_ERROR = "_stderr"


def scores(before: Found, after: Found) -> Iterator[BenchmarkScore]:
    """One score for each metric of each task and group.

    Changes are paired where single documents are scored and the task's score is their mean.

    Args:
        before: What the harness's ``evaluate`` gave for the base, samples included.
        after: The same for the result, of the same tasks.
    """
    for task, values in before["results"].items():
        for key, value in values.items():
            metric, comma, kind = key.partition(",")
            if comma and not metric.endswith(_ERROR) and isinstance(value, (int, float)):
                yield _score(task, metric, kind, (before, after))


def _score(task: str, metric: str, kind: str, sides: tuple[Found, Found]) -> BenchmarkScore:
    first = sides[0]
    one, other = (float(side["results"][task][f"{metric},{kind}"]) for side in sides)
    errors = [_known(side["results"][task].get(f"{metric}{_ERROR},{kind}")) for side in sides]
    paired = _paired(task, metric, kind, sides)
    counted = first["n-samples"].get(task, {})
    return BenchmarkScore(
        task=task,
        metric=metric if kind == "none" else f"{metric}, {kind}",
        version=str(first["versions"].get(task) or ""),
        few_shot=int(first["n-shot"].get(task) or 0),
        n=int(counted.get("effective", first["results"][task].get("sample_len", 0))),
        of=int(counted.get("original", 0)),
        higher_is_better=first["higher_is_better"].get(task, {}).get(metric),
        before=one,
        after=other,
        before_error=errors[0],
        after_error=errors[1],
        **(paired or {"change": unpaired_change(one, other, *errors)}),
    )


def _paired(task: str, metric: str, kind: str, sides: tuple[Found, Found]) -> dict[str, Any]:
    """Change, losses, gains and p; empty where the documents do not say."""
    found = [_documents(side["samples"].get(task, ()), metric, kind) for side in sides]
    if not found[0] or found[0].keys() != found[1].keys():
        return {}
    before, after = (list(map(documents.__getitem__, found[0])) for documents in found)
    told = (side["results"][task][f"{metric},{kind}"] for side in sides)
    if not all(map(_is_mean, told, (before, after))):
        return {}
    moved = [later - earlier for earlier, later in zip(before, after, strict=True)]
    change, p = change_of(before, after)
    return {
        "change": change,
        "p": p,
        "lost": sum(by < 0 for by in moved),
        "gained": sum(by > 0 for by in moved),
    }


def _documents(samples: Sequence[Found], metric: str, kind: str) -> dict[tuple[int, str], float]:
    """The score of each document; empty where one has no number for a score."""
    found = {}
    for sample in samples:
        if sample["filter"] == kind:
            value = _known(sample.get(metric))
            if value is None:
                return {}
            found[sample["doc_id"], sample["doc_hash"]] = value
    return found


def _known(value: object) -> float | None:
    """A number that is one; the harness writes ``N/A`` where it has none."""
    known = isinstance(value, (bool, int, float)) and math.isfinite(value)
    return float(value) if known and isinstance(value, (bool, int, float)) else None


def _is_mean(score: float, values: Sequence[float]) -> bool:
    return math.isclose(score, math.fsum(values) / len(values), abs_tol=1e-9)
