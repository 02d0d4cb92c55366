"""The band: what every screen and command shows first of a run's findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.evaluation.analysis.formatting import SCALES, Rating, nats, points, share

if TYPE_CHECKING:
    from workbench.evaluation.analysis.findings import (
        Criterion,
        Findings,
        Interval,
        TargetTask,
        Verdict,
    )
    from workbench.evaluation.analysis.formatting import RatedMeasure

NOT_MEASURED = "not measured"

_RATINGS: dict[Verdict, Rating] = {"PASS": "good", "FAIL": "bad", "INCONCLUSIVE": "watch"}
_WORST_FIRST: tuple[Rating, ...] = ("bad", "watch", "good")


class BandPart(NamedTuple):
    """A part of the band; the rating is None for what is neither good nor bad."""

    label: str
    value: str
    rating: Rating | None = None


def band(findings: Findings) -> tuple[BandPart, ...]:
    """Verdict, what was learned, domain leak, KL to base, and what to do next, in this order.

    There are always five parts: ``verdict``, ``learned``, ``leak``, ``KL``, ``next``.
    """
    criteria = {each.name: each for each in findings.criteria}
    step = findings.next_steps[0].command if findings.next_steps else ""
    return (
        BandPart("verdict", findings.outcome, _RATINGS[findings.verdict]),
        _learned(findings.target_task),
        _leak(findings.domain_leak, criteria.get("domain_leak")),
        _kl(findings, criteria),
        BandPart("next", step),
    )


def _learned(task: TargetTask) -> BandPart:
    if task.change is not None:
        rating: Rating = "good" if task.change.low > 0 else "watch"
        if task.change.high < 0:
            rating = "bad"
        return BandPart("learned", f"{share(task.before)} → {share(task.after)}", rating)
    if task.nll_before is None or task.nll_after is None:
        return BandPart("learned", NOT_MEASURED)
    rating = "good" if task.nll_after < task.nll_before else "bad"
    return BandPart("learned", f"loss {task.nll_before:.2f} → {task.nll_after:.2f}", rating)


def _leak(leak: Interval | None, criterion: Criterion | None) -> BandPart:
    if leak is None:
        return BandPart("leak", NOT_MEASURED)
    return BandPart("leak", f"{points(leak.value)} points", _rated("domain_leak", leak, criterion))


def _kl(findings: Findings, criteria: dict[str, Criterion]) -> BandPart:
    body, opening = findings.kl_body or findings.kl_general, findings.kl_opening
    if body is None:
        return BandPart("KL", NOT_MEASURED)
    rating = _rated("kl_general", body, criteria.get("kl_body"))
    if opening is None:
        return BandPart("KL", nats(body.value), rating)
    verdict = criteria["kl_opening"].verdict if "kl_opening" in criteria else None
    if verdict:
        rating = min(rating, _RATINGS[verdict], key=_WORST_FIRST.index)
    return BandPart("KL", f"{nats(opening.value)} opening, {nats(body.value)} body", rating)


def _rated(measure: RatedMeasure, interval: Interval, criterion: Criterion | None) -> Rating:
    """Bad where the limit is proven to be exceeded, good where the value is small."""
    if criterion is not None and criterion.verdict == "FAIL":
        return "bad"
    return "good" if interval.value <= SCALES[measure][0] else "watch"
