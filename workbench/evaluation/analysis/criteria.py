"""The criteria of the verdict: every measured quantity with its limit, and what would decide it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.findings import Criterion, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.analysis.findings import Capability, Unit, Verdict
    from workbench.evaluation.analysis.pooled import PooledChange
    from workbench.evaluation.analysis.statistics import PairedScores

TITLES: dict[str, str] = {
    "domain_leak": "Domain leak",
    "kl_opening": "KL to base at the opening",
    "kl_body": "KL to base of the body",
    "delta_nll": "Loss on general text",
    "pooled": "All items together",
}
"""Names of the criteria but the capabilities."""

_ABSENT: dict[str, str] = {
    "domain_leak": "the training answers share no phrases, or nothing was answered",
    "kl_opening": "no general answers were read",
    "kl_body": "no general text was read",
    "delta_nll": "no general text was read",
}
"""Why a criterion may not have been measured."""

_WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "INCONCLUSIVE", "PASS")
_SUITE = "suite:"


def overall(criteria: Sequence[Criterion]) -> Verdict:
    """FAIL if any fails; PASS if all that were measured pass, a capability among them."""
    verdicts = [each.verdict for each in criteria if each.verdict]
    if not verdicts:
        return "INCONCLUSIVE"
    worst = min(verdicts, key=_WORST_FIRST.index)
    has_capability = any(each.verdict and is_capability(each) for each in criteria)
    return worst if worst == "FAIL" or has_capability else "INCONCLUSIVE"


def is_capability(criterion: Criterion) -> bool:
    """Whether the criterion is the loss of one capability."""
    return criterion.name.startswith(_SUITE)


def capability_criterion(capability: Capability) -> Criterion:
    """The criterion of one capability, measured or not."""
    measured = capability.verdict is not None and capability.n
    ends = {"value": capability.change, "low": capability.low, "high": capability.high}
    return Criterion(
        name=f"{_SUITE}{capability.name}",
        title=capability.title,
        interval=Interval(**ends) if measured else None,
        limit=-capability.margin,
        unit="points",
        verdict=capability.verdict,
        needed=capability.needed,
        note=_unjudged(capability),
    )


def _unjudged(capability: Capability) -> str:
    if not capability.n:
        return "no items at this size"
    return "no headroom at this size" if capability.verdict is None else ""


def pooled_criterion(pooled: PooledChange, margin: float, verdict: Verdict) -> Criterion:
    """The criterion of all items of knowledge and behaviour."""
    needed = 0
    if verdict == "INCONCLUSIVE":
        needed = statistics.items_needed(pooled.n, pooled.change, margin, pooled.variance)
    return Criterion(
        name="pooled",
        title=TITLES["pooled"],
        interval=Interval(value=pooled.change, low=pooled.low, high=pooled.high),
        limit=-margin,
        unit="points",
        verdict=verdict,
        needed=needed,
    )


def leak_criterion(pairs: PairedScores, interval: Interval | None, limit: float) -> Criterion:
    """The criterion of the domain leak, from the answers before and after."""
    variance = 0.0
    if interval:
        variance = statistics.change_variance(pairs, statistics.design_effect(pairs))
    verdict = _rise_verdict(interval, limit)
    return Criterion(
        name="domain_leak",
        title=TITLES["domain_leak"],
        interval=interval,
        limit=limit,
        unit="points",
        verdict=verdict,
        needed=_needed(verdict, interval, limit, pairs.n, variance),
        counted="answers",
        note="" if interval else _ABSENT["domain_leak"],
    )


def text_criterion(
    name: str, interval: Interval | None, limit: float, unit: Unit, rows: int, level: float
) -> Criterion:
    """The criterion of a mean over rows of text."""
    variance = 0.0
    if interval:
        reach = (interval.high - interval.low) / 2
        variance = rows * (reach / statistics.half_width(level)) ** 2
    verdict = _rise_verdict(interval, limit)
    return Criterion(
        name=name,
        title=TITLES[name],
        interval=interval,
        limit=limit,
        unit=unit,
        verdict=verdict,
        needed=_needed(verdict, interval, limit, rows, variance),
        counted="rows of text",
        note="" if interval else _ABSENT[name],
    )


def _rise_verdict(interval: Interval | None, limit: float) -> Verdict | None:
    """FAIL if the whole interval is above the limit, PASS if none of it is."""
    if interval is None:
        return None
    if interval.low > limit:
        return "FAIL"
    return "PASS" if interval.high <= limit else "INCONCLUSIVE"


def _needed(
    verdict: Verdict | None, interval: Interval | None, limit: float, n: int, variance: float
) -> int:
    if interval is None or verdict != "INCONCLUSIVE":
        return 0
    return statistics.rows_needed(n, limit - interval.value, variance)
