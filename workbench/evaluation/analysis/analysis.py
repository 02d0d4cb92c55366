"""From a report to findings: every number of a report page, computed from report.json alone.

Two cases in which no item of a suite changed must be told apart:

* A tuned model that happens to answer all of twelve items as before may still have lost much else.
  Its interval is the score interval, which is wide: such a suite is INCONCLUSIVE.
* A result that *is* the base, in every judged answer and in its likelihoods down to the noise
  floor, leaves nothing to sample: its change is zero on every item there could be. Its intervals
  have no width and every capability is a PASS, as the base against itself must be at any size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.benchmarks import read_benchmarks
from workbench.evaluation.analysis.findings import (
    Capability,
    Findings,
    Interval,
    ItemFinding,
    TargetTask,
)
from workbench.evaluation.analysis.paired_results import (
    is_unchanged,
    item_pairs,
    leak_scores,
    require_complete,
    suite_scores,
    target_scores,
)
from workbench.evaluation.analysis.summary_text import notes, summary
from workbench.evaluation.report import read_report, token_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.evaluation.analysis.findings import Verdict
    from workbench.evaluation.analysis.statistics import PairedScores
    from workbench.evaluation.report import Report, TextResult
    from workbench.evaluation.suites.items import ItemResult, Size, SuiteFacts
    from workbench.runs.folder import RunFolder

MARGINS: dict[Size, float] = {"quick": 0.1, "standard": 0.05, "full": 0.03}
"""Tolerated loss, for suites with enough items to resolve it: about ``1 / margin^2``."""

_WIDEST_MARGIN = MARGINS["quick"]

_WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "INCONCLUSIVE", "PASS")


def read_findings(run: RunFolder, *, margin: float | None = None) -> Findings:
    """Analyse a run's report, and add its standard benchmarks.

    Args:
        run: A run with a report.
        margin: As in :func:`analyse`.

    Raises:
        NotFoundError: There is no report.
        BadInputError: Report or benchmarks cannot be read or judged.
    """
    findings = analyse(read_report(run), margin=margin)
    return findings.model_copy(update={"benchmarks": read_benchmarks(run).latest()})


def analyse(report: Report, *, margin: float | None = None) -> Findings:
    """Compute the findings of a report.

    Args:
        report: Base and tuned model, item by item.
        margin: Tolerated loss, 0 to 1, for every suite alike; None for the margin of the report's
            size, widened for small suites as in :func:`suite_margin`.

    Raises:
        BadInputError: A result is missing or is not a number.
    """
    # 1. Check the evidence.
    require_complete(report)
    unchanged = is_unchanged(report)
    # 2. Judge each suite, and adjust the p-values over the judged ones.
    base_margin = MARGINS[report.size or "quick"] if margin is None else margin
    capabilities = _with_adjusted_p_values(
        [
            _capability(facts, suite_scores(report, facts), base_margin, margin is None, unchanged)
            for facts in report.suites
        ]
    )
    # 3. The overall verdict is the worst of them.
    verdicts = [capability.verdict for capability in capabilities if capability.verdict]
    after = report.after
    findings = Findings(
        verdict=min(verdicts, key=_WORST_FIRST.index, default="INCONCLUSIVE"),
        sentence="",
        margin=base_margin,
        retention_index=_retention_index(report, capabilities, unchanged),
        kl_general=_token_interval(after.general, [text.kl for text in after.general]),
        kl_task=_token_interval(after.task, [text.kl for text in after.task]),
        delta_nll=_delta_nll(report),
        domain_leak=_domain_leak(report),
        target_task=_target_task(report),
        capabilities=tuple(capabilities),
        items=tuple(_changed_items(report)),
        noise_floor=report.noise.kl if report.noise else None,
    )
    # 4. Put the findings into words.
    return findings.model_copy(
        update={
            "sentence": summary(findings, unchanged),
            "notes": notes(findings, report, unchanged),
        }
    )


def suite_margin(n: int, base_margin: float) -> float:
    """Tolerated loss for a suite of ``n`` items: ``1 / sqrt(n)``, 10 points at 100, 4.5 at 500.

    It is never below ``base_margin``, that of the report's size, and never above the widest.
    """
    return max(base_margin, min(_WIDEST_MARGIN, 1 / math.sqrt(n)))


def _capability(
    facts: SuiteFacts, pairs: PairedScores, base_margin: float, widen: bool, unchanged: bool
) -> Capability:
    if not pairs.n:
        return _unmeasured(facts, base_margin)
    before, after = _mean(pairs.before), _mean(pairs.after)
    change = _mean(pairs.changes)
    low, high = (change, change) if unchanged else statistics.change_interval(pairs)
    margin = suite_margin(pairs.n, base_margin) if widen else base_margin
    known_before = statistics.chance_corrected(before, facts.chance)
    headroom = known_before >= statistics.HEADROOM
    judged = facts.measures != "information" and (headroom or unchanged)
    verdict = statistics.non_inferiority(change, low, high, margin) if judged else None
    return Capability(
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
        p=statistics.mcnemar(pairs.lost, pairs.gained),
        smallest_detectable=statistics.smallest_detectable(pairs),
        verdict=verdict,
        needed=statistics.items_needed(pairs, margin) if verdict == "INCONCLUSIVE" else 0,
        standard_error=statistics.standard_error(pairs),
        margin=margin,
        chance=facts.chance,
        known_before=known_before,
        known_after=statistics.chance_corrected(after, facts.chance),
        headroom=headroom,
    )


def _unmeasured(facts: SuiteFacts, margin: float) -> Capability:
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
        margin=margin,
        chance=facts.chance,
        headroom=False,
    )


def _with_adjusted_p_values(capabilities: Sequence[Capability]) -> list[Capability]:
    """Holm's adjustment over the capabilities that have a verdict."""
    judged = [capability for capability in capabilities if capability.verdict]
    p_values = statistics.holm([capability.p for capability in judged])
    adjusted = {capability.name: p for capability, p in zip(judged, p_values, strict=True)}
    return [
        capability.model_copy(update={"p": adjusted.get(capability.name, capability.p)})
        for capability in capabilities
    ]


def _retention_index(
    report: Report, capabilities: Sequence[Capability], unchanged: bool
) -> Interval | None:
    """The retention index over knowledge and behaviour; safety is judged but not averaged in."""
    included = {
        capability.name
        for capability in capabilities
        if capability.headroom and capability.kind in ("knowledge", "behaviour")
    }
    pairs = [suite_scores(report, facts) for facts in report.suites if facts.name in included]
    if not pairs:
        return None
    value, low, high = (1.0, 1.0, 1.0) if unchanged else statistics.retention_index(pairs)
    return Interval(value=value, low=low, high=high)


def _token_interval(texts: Sequence[TextResult], values: Sequence[float]) -> Interval | None:
    """Mean over tokens of one value per sequence; the interval resamples sequences."""
    mean = token_mean(texts, values)
    if mean is None:
        return None
    low, high = statistics.bootstrap_interval(values, [text.tokens for text in texts])
    return Interval(value=mean, low=low, high=high)


def _delta_nll(report: Report) -> Interval | None:
    pairs = zip(report.before.general, report.after.general, strict=True)
    changes = [after.nll - before.nll for before, after in pairs]
    return _token_interval(report.after.general, changes)


def _domain_leak(report: Report) -> Interval | None:
    pairs = leak_scores(report)
    return _mean_change(pairs) if report.boilerplate and pairs.n else None


def _mean_change(pairs: PairedScores) -> Interval:
    low, high = statistics.change_interval(pairs)
    return Interval(value=_mean(pairs.changes), low=low, high=high)


def _target_task(report: Report) -> TargetTask:
    before, after = report.before, report.after
    pairs = target_scores(report)
    return TargetTask(
        name="target task",
        n=pairs.n,
        before=before.target_score,
        after=after.target_score,
        nll_before=before.heldout_nll,
        nll_after=after.heldout_nll,
        change=_mean_change(pairs) if pairs.n else None,
        of=max(pairs.n, report.heldout_rows),
    )


def _changed_items(report: Report) -> Iterator[ItemFinding]:
    """Items whose score changed: largest losses first, and of equal ones each suite in turn."""
    ranked = []
    for facts in report.suites:
        pairs = [pair for pair in item_pairs(report, facts.name) if _score_change(pair)]
        pairs.sort(key=_score_change)
        is_information = facts.measures == "information"
        ranked += [
            (is_information, _score_change(pair), rank, pair) for rank, pair in enumerate(pairs)
        ]
    for *_, (before, after) in sorted(ranked, key=lambda entry: entry[:3]):
        yield ItemFinding(
            suite=before.suite,
            id=before.id,
            prompt=before.prompt,
            before=before.score,
            after=after.score,
            answer_before=before.answer,
            answer_after=after.answer,
        )


def _score_change(pair: tuple[ItemResult, ItemResult]) -> float:
    before, after = pair
    return after.score - before.score


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
