"""Run against run: paired tests on what both were asked, and differences with their intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.findings import Interval
from workbench.evaluation.analysis.paired_results import judged_pairs
from workbench.evaluation.analysis.statistics import PairedScores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.evaluation.report import Report
    from workbench.evaluation.suites.items import SuiteFacts


class RunDifference(BaseModel):
    """Two runs on the items that both were asked; changes are ``run - other``.

    Attributes:
        n: Judged items that both were asked.
        won: Of these, items that only ``run`` answers rightly.
        lost: Items that only ``other`` answers rightly.
        change: Difference of the share of right answers, with its interval.
        p: Two-sided McNemar test, Holm-adjusted over all pairs of the comparison.
        learned: Difference of the target score on the held-out rows that both answered.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    other: str
    n: int
    won: int
    lost: int
    change: Interval | None
    p: float
    learned: Interval | None


def run_differences(runs: Sequence[tuple[str, Report]]) -> tuple[RunDifference, ...]:
    """Every run against every later one."""
    found = [
        _difference(first, second)
        for place, first in enumerate(runs)
        for second in runs[place + 1 :]
    ]
    adjusted = statistics.holm([each.p for each in found])
    return tuple(each.model_copy(update={"p": p}) for each, p in zip(found, adjusted, strict=True))


def learned_difference(run: Report, other: Report) -> Interval | None:
    """Difference of the target score on the same held-out rows; None if they are not the same."""
    mine, theirs = run.after.target, other.after.target
    if not mine or [item.prompt for item in mine] != [item.prompt for item in theirs]:
        return None
    return _change(
        PairedScores(
            before=tuple(item.score for item in theirs), after=tuple(item.score for item in mine)
        )
    )


def text_difference(run: Report, other: Report, measure: str) -> Interval | None:
    """Difference of ``kl`` or ``nll`` on general text; None if it is not the same text."""
    mine, theirs = run.after.general, other.after.general
    tokens = [text.tokens for text in mine]
    if not tokens or tokens != [text.tokens for text in theirs] or not _same_base(run, other):
        return None
    values = [
        getattr(one, measure) - getattr(two, measure) for one, two in zip(mine, theirs, strict=True)
    ]
    low, high = statistics.bootstrap_interval(values, tokens)
    mean = math.fsum(map(math.prod, zip(values, tokens, strict=True))) / sum(tokens)
    return Interval(value=mean, low=low, high=high)


def index_difference(run: Report, other: Report, suites: Sequence[str]) -> Interval | None:
    """Difference of the retention index on the same items and the same base; None if they differ.

    ``sum_s w_s mean_s(after - after')`` with ``w_s = 1 / (S (1 - c_s) known_s)`` over S suites,
    whose base knows ``known_s``; its variance is that of the means, clusters included.
    """
    facts = [each for each in run.suites if each.name in suites]
    if not facts or not _same_base(run, other):
        return None
    value = variance = 0.0
    for each in facts:
        pairs = _suite_pairs(run, other, each)
        if not pairs.n:
            return None
        before = [item.score for item, _ in judged_pairs(run, each)]
        known = statistics.chance_corrected(math.fsum(before) / len(before), each.chance)
        weight = 1 / (len(facts) * (1 - each.chance) * max(known, statistics.HEADROOM))
        effect = statistics.design_effect(pairs)
        value += weight * math.fsum(pairs.changes) / pairs.n
        variance += weight**2 * statistics.change_variance(pairs, effect) / pairs.n
    reach = statistics.Z * math.sqrt(variance)
    return Interval(value=value, low=value - reach, high=value + reach)


def _difference(first: tuple[str, Report], second: tuple[str, Report]) -> RunDifference:
    (run, mine), (other, theirs) = first, second
    judged = [facts for facts in mine.suites if facts.measures != "information"]
    pairs = _joined(_suite_pairs(mine, theirs, facts) for facts in judged)
    effect = statistics.design_effect(pairs) if pairs.n else 1.0
    return RunDifference(
        run=run,
        other=other,
        n=pairs.n,
        won=pairs.gained,
        lost=pairs.lost,
        change=_change(pairs) if pairs.n else None,
        p=statistics.score_p(pairs.lost, pairs.gained, effect),
        learned=learned_difference(mine, theirs),
    )


def _suite_pairs(run: Report, other: Report, facts: SuiteFacts) -> PairedScores:
    """Scores of ``other`` and of ``run`` on the items of a suite that both were asked."""
    theirs = {item.id: item for _, item in judged_pairs(other, facts)}
    both = [
        (theirs[item.id], item)
        for _, item in judged_pairs(run, facts)
        if item.id in theirs and theirs[item.id].prompt == item.prompt
    ]
    return PairedScores(
        before=tuple(item.score for item, _ in both),
        after=tuple(item.score for _, item in both),
        clusters=tuple(f"{facts.name}/{item.cluster or item.id}" for _, item in both),
    )


def _joined(suites: Iterator[PairedScores]) -> PairedScores:
    all_suites = list(suites)
    return PairedScores(
        before=tuple(score for pairs in all_suites for score in pairs.before),
        after=tuple(score for pairs in all_suites for score in pairs.after),
        clusters=tuple(name for pairs in all_suites for name in pairs.clusters),
    )


def _change(pairs: PairedScores) -> Interval:
    low, high = statistics.change_interval(pairs)
    return Interval(value=math.fsum(pairs.changes) / pairs.n, low=low, high=high)


def _same_base(run: Report, other: Report) -> bool:
    """Whether both were compared with the same base, by its losses on general text."""
    return [text.nll for text in run.before.general] == [text.nll for text in other.before.general]
