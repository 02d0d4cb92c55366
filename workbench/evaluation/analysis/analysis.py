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

from workbench.evaluation.analysis import sequential, statistics
from workbench.evaluation.analysis.benchmarks import read_benchmarks
from workbench.evaluation.analysis.capabilities import judge_capabilities, read_scores
from workbench.evaluation.analysis.criteria import (
    capability_criterion,
    leak_criterion,
    overall,
    text_criterion,
)
from workbench.evaluation.analysis.findings import Findings, Interval, ItemFinding, TargetTask
from workbench.evaluation.analysis.headline import headline, proof
from workbench.evaluation.analysis.margins import Margins
from workbench.evaluation.analysis.next_steps import next_steps
from workbench.evaluation.analysis.paired_results import (
    is_unchanged,
    item_pairs,
    leak_scores,
    require_complete,
    target_scores,
)
from workbench.evaluation.analysis.retention_index import retention_index
from workbench.evaluation.analysis.summary_text import notes, summary
from workbench.evaluation.report import body_mean, opening_mean, read_report, token_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workbench.evaluation.analysis.capabilities import SuiteScores
    from workbench.evaluation.analysis.findings import Capability, Criterion
    from workbench.evaluation.analysis.statistics import PairedScores
    from workbench.evaluation.report import Report, TextResult
    from workbench.evaluation.suites.items import ItemResult
    from workbench.recipe.limits import Limits
    from workbench.runs.folder import RunFolder


def read_findings(
    run: RunFolder, *, margin: float | None = None, limits: Mapping[str, float] | None = None
) -> Findings:
    """Analyse a run's report, and add its standard benchmarks.

    Args:
        run: A run with a report.
        margin: As in :func:`analyse`.
        limits: As in :func:`analyse`.

    Raises:
        NotFoundError: There is no report.
        BadInputError: Report or benchmarks cannot be read or judged.
    """
    findings = analyse(read_report(run), margin=margin, limits=limits)
    return findings.model_copy(
        update={
            "benchmarks": read_benchmarks(run).latest(),
            "next_steps": next_steps(findings, run),
        }
    )


def analyse(
    report: Report, *, margin: float | None = None, limits: Mapping[str, float] | None = None
) -> Findings:
    """Compute the findings of a report.

    Args:
        report: Base and tuned model, item by item.
        margin: Tolerated loss, 0 to 1, of every capability and of all items together; None for the
            limits, or where they say nothing for the number of items, see :class:`Margins`.
        limits: Fields of :class:`Limits` that override those of the report.

    Raises:
        BadInputError: A result is missing or is not a number.
    """
    # 1. Check the evidence.
    require_complete(report)
    unchanged = is_unchanged(report)
    level = sequential.level(report.look, report.looks)
    both = {} if margin is None else {"capability": margin, "pooled": margin}
    allowed = report.limits.model_copy(update={**both, **(limits or {})})
    margins = Margins.of(report.size, allowed)
    # 2. Measure: answers, text and the target task, each with its interval.
    after = report.after
    suites = read_scores(report)
    capabilities, pooled = judge_capabilities(suites, margins, level=level, unchanged=unchanged)
    values = {
        "kl_general": _token_interval(after.general, [text.kl for text in after.general], level),
        "kl_task": _token_interval(after.task, [text.kl for text in after.task], level),
        "kl_opening": _opening_interval(after.general, level),
        "kl_body": _body_interval(after.general, level),
        "delta_nll": _delta_nll(report, level),
        "domain_leak": _domain_leak(report, level, unchanged),
    }
    # 3. Compare with the limits.
    criteria = (
        *_general_criteria(report, values, allowed, level),
        *([pooled] if pooled else []),
        *(capability_criterion(each) for each in capabilities if each.kind != "information"),
    )
    verdict = overall(criteria)
    findings = Findings(
        verdict=verdict,
        outcome=headline(verdict, criteria, capabilities),
        proof=proof(verdict, criteria),
        criteria=criteria,
        sentence="",
        margin=margins.base if margins.pooled is None else margins.pooled,
        retention_index=_retention_index(suites, capabilities, unchanged, level),
        target_task=_target_task(report),
        capabilities=tuple(capabilities),
        items=tuple(_changed_items(report)),
        noise_floor=report.noise.kl if report.noise else None,
        level=level,
        size=report.size,
        **values,
    )
    # 4. Put the findings into words.
    return findings.model_copy(
        update={
            "sentence": summary(findings, unchanged),
            "notes": notes(findings, report, unchanged),
            "next_steps": next_steps(findings),
        }
    )


def _general_criteria(
    report: Report, values: dict[str, Interval | None], limits: Limits, level: float
) -> Iterator[Criterion]:
    """The criteria of general answers and general text."""
    yield leak_criterion(leak_scores(report), values["domain_leak"], limits.domain_leak)
    rows = len(report.after.general)
    openings = sum(text.openings > 0 for text in report.after.general)
    opening, body, loss = (values[name] for name in ("kl_opening", "kl_body", "delta_nll"))
    yield text_criterion("kl_opening", opening, limits.kl_opening, "nats", openings, level)
    yield text_criterion("kl_body", body, limits.kl_body, "nats/token", rows, level)
    yield text_criterion("delta_nll", loss, limits.delta_nll, "nats/token", rows, level)


def _retention_index(
    suites: Sequence[SuiteScores], capabilities: Sequence[Capability], unchanged: bool, level: float
) -> Interval | None:
    """The retention index over knowledge and behaviour; safety is judged but not averaged in.

    It is computed unclipped, and clipped to 0 to 1 to be shown.
    """
    included = {
        capability.name
        for capability in capabilities
        if capability.headroom and capability.kind in ("knowledge", "behaviour")
    }
    pairs = [suite.pairs for suite in suites if suite.facts.name in included]
    if not pairs:
        return None
    value, low, high = (1.0, 1.0, 1.0) if unchanged else retention_index(pairs, level)
    return Interval(value=_clipped(value), low=_clipped(low), high=_clipped(high))


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _token_interval(
    texts: Sequence[TextResult], values: Sequence[float], level: float
) -> Interval | None:
    """Mean over tokens of one value per sequence; the interval resamples sequences."""
    mean = token_mean(texts, values)
    return _interval(mean, values, [text.tokens for text in texts], level)


def _opening_interval(texts: Sequence[TextResult], level: float) -> Interval | None:
    """Mean KL over the first tokens of answers; the interval resamples sequences."""
    opened = [text for text in texts if text.openings]
    values = [text.opening_kl for text in opened]
    return _interval(opening_mean(texts), values, [text.openings for text in opened], level)


def _body_interval(texts: Sequence[TextResult], level: float) -> Interval | None:
    """Mean KL over the tokens that begin no answer; the interval resamples sequences."""
    bodies = [text for text in texts if text.body_tokens]
    values = [text.body_kl for text in bodies]
    return _interval(body_mean(texts), values, [text.body_tokens for text in bodies], level)


def _interval(
    mean: float | None, values: Sequence[float], weights: Sequence[float], level: float
) -> Interval | None:
    if mean is None:
        return None
    low, high = statistics.bootstrap_interval(values, weights, level=level)
    return Interval(value=mean, low=low, high=high)


def _delta_nll(report: Report, level: float) -> Interval | None:
    pairs = zip(report.before.general, report.after.general, strict=True)
    changes = [after.nll - before.nll for before, after in pairs]
    return _token_interval(report.after.general, changes, level)


def _domain_leak(report: Report, level: float, unchanged: bool) -> Interval | None:
    pairs = leak_scores(report)
    if not report.boilerplate or not pairs.n:
        return None
    return Interval(value=0.0, low=0.0, high=0.0) if unchanged else _mean_change(pairs, level)


def _mean_change(pairs: PairedScores, level: float = statistics.LEVEL) -> Interval:
    low, high = statistics.change_interval(pairs, level)
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
