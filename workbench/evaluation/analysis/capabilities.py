"""Every suite before and after training, and all of them together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.criteria import pooled_criterion
from workbench.evaluation.analysis.findings import Capability, Interval
from workbench.evaluation.analysis.paired_results import suite_probabilities, suite_scores
from workbench.evaluation.analysis.pooled import pooled_change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.evaluation.analysis.findings import Criterion
    from workbench.evaluation.analysis.margins import Margins
    from workbench.evaluation.analysis.pooled import PooledChange
    from workbench.evaluation.analysis.statistics import PairedScores
    from workbench.evaluation.report import Report
    from workbench.evaluation.suites.items import SuiteFacts

_FEWEST_RIGHT = 4
"""Right items below which not even losing all of them could be told from chance."""

_CEILING = 0.95
"""Score of the base above which gains are hardly possible."""


class _Measured(NamedTuple):
    """A capability before it is judged, with the scores that it was computed from."""

    capability: Capability
    pairs: PairedScores
    judged: bool

    @property
    def pooled(self) -> bool:
        return self.judged and self.capability.kind in ("knowledge", "behaviour")


class SuiteScores(NamedTuple):
    """What is judged of a suite.

    Attributes:
        pairs: Scores of its items before and after.
        probabilities: Probabilities of the right option; None for suites without options.
    """

    facts: SuiteFacts
    pairs: PairedScores
    probabilities: PairedScores | None = None


def read_scores(report: Report) -> list[SuiteScores]:
    """The scores of all suites of a report, contaminated items left out."""
    return [
        SuiteScores(facts, suite_scores(report, facts), suite_probabilities(report, facts))
        for facts in report.suites
    ]


def judge_capabilities(
    suites: Sequence[SuiteScores], margins: Margins, *, level: float, unchanged: bool = False
) -> tuple[list[Capability], Criterion | None]:
    """Judge every suite, and the items of knowledge and behaviour together.

    A loss is proven if it is the margin or more, its interval excludes zero, and so does McNemar's
    test after Holm's adjustment over all that are judged.

    Args:
        suites: Their scores before and after.
        margins: Tolerated losses.
        level: Confidence of the intervals.
        unchanged: Whether the result is the base: then nothing was sampled, and there is no doubt.

    Returns:
        The capabilities in the order of the suites, and the criterion of all their items together;
        None where fewer than two capabilities belong to it.
    """
    # 1. Measure.
    measured = [_measure(suite, margins, level=level, unchanged=unchanged) for suite in suites]
    together = [each.pairs for each in measured if each.pooled]
    pooled = pooled_change(together, level) if len(together) > 1 else None
    if pooled and unchanged:
        pooled = pooled._replace(low=pooled.change, high=pooled.change)
    # 2. Adjust the p-values over everything that is judged.
    p_values = [each.capability.p for each in measured if each.judged]
    adjusted = iter(statistics.holm([*p_values, *([pooled.p] if pooled else [])]))
    # 3. Judge.
    capabilities = [
        _judged(each, next(adjusted), level) if each.judged else each.capability
        for each in measured
    ]
    return capabilities, _pooled(pooled, margins, adjusted, level)


def _measure(suite: SuiteScores, margins: Margins, *, level: float, unchanged: bool) -> _Measured:
    facts, pairs = suite.facts, suite.pairs
    if not pairs.n:
        return _Measured(_unmeasured(facts, margins), pairs, judged=False)
    before, after, change = map(_mean, (pairs.before, pairs.after, pairs.changes))
    low, high = (change, change) if unchanged else statistics.change_interval(pairs, level)
    effect = statistics.design_effect(pairs)
    known_before = statistics.chance_corrected(before, facts.chance)
    headroom = known_before >= statistics.HEADROOM and sum(pairs.before) >= _FEWEST_RIGHT
    capability = Capability(
        name=facts.name,
        title=facts.title,
        kind=facts.measures,
        n=pairs.n,
        before=before,
        after=after,
        change=change,
        low=low,
        high=high,
        lost=pairs.lost,
        gained=pairs.gained,
        p=statistics.score_p(pairs.lost, pairs.gained, effect),
        smallest_detectable=statistics.smallest_detectable(pairs, effect),
        verdict=None,
        standard_error=statistics.standard_error(pairs) * math.sqrt(effect),
        margin=margins.for_capability(pairs.n),
        chance=facts.chance,
        known_before=known_before,
        known_after=statistics.chance_corrected(after, facts.chance),
        headroom=headroom,
        ceiling=before >= _CEILING,
        design_effect=effect,
        probability=_probability(suite, level),
    )
    judged = facts.measures != "information" and (headroom or unchanged)
    return _Measured(capability, pairs, judged)


def _judged(measured: _Measured, p: float, level: float) -> Capability:
    """The capability with its verdict, given its adjusted p-value."""
    capability, pairs = measured.capability, measured.pairs
    change, margin = capability.change, capability.margin
    verdict = statistics.non_inferiority(change, capability.low, capability.high, margin)
    if verdict == "FAIL" and p > 1 - level:
        verdict = "INCONCLUSIVE"
    needed = 0
    if verdict == "INCONCLUSIVE":
        variance = statistics.change_variance(pairs, capability.design_effect)
        needed = statistics.items_needed(pairs.n, change, margin, variance)
    return capability.model_copy(update={"verdict": verdict, "needed": needed, "p": p})


def _pooled(
    pooled: PooledChange | None, margins: Margins, adjusted: Iterator[float], level: float
) -> Criterion | None:
    if pooled is None:
        return None
    margin = margins.over_all(pooled.n)
    verdict = statistics.non_inferiority(pooled.change, pooled.low, pooled.high, margin)
    if verdict == "FAIL" and next(adjusted) > 1 - level:
        verdict = "INCONCLUSIVE"
    return pooled_criterion(pooled, margin, verdict)


def _probability(suite: SuiteScores, level: float) -> Interval | None:
    """Change of the mean probability of the right option, with its interval.

    It is not judged by the margin of the accuracy: where the base is unsure, losing a tenth of the
    right answers moves the probability by less, and half of such losses would pass.
    """
    pairs = suite.probabilities
    if pairs is None:
        return None
    low, high = statistics.change_interval(pairs, level)
    return Interval(value=_mean(pairs.changes), low=low, high=high)


def _unmeasured(facts: SuiteFacts, margins: Margins) -> Capability:
    """A suite without items at this size: any change is possible."""
    return Capability(
        name=facts.name,
        title=facts.title,
        kind=facts.measures,
        n=0,
        before=0.0,
        after=0.0,
        change=0.0,
        low=-1.0,
        high=1.0,
        lost=0,
        gained=0,
        p=1.0,
        smallest_detectable=1.0,
        verdict=None if facts.measures == "information" else "INCONCLUSIVE",
        margin=margins.for_capability(1),
        chance=facts.chance,
        headroom=False,
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
