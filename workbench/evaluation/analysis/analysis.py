"""From evidence to findings: every number of a report page, computed from report.json alone.

Two readings of a suite in which no item changed are kept apart:

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
from workbench.evaluation.analysis.findings import (
    Capability,
    Findings,
    Interval,
    ItemFinding,
    TargetTask,
)
from workbench.evaluation.analysis.paired_results import (
    is_base,
    item_pairs,
    leaked,
    mean,
    refuse_gaps,
    scores,
)
from workbench.evaluation.analysis.statistics import HEADROOM, Pairs
from workbench.evaluation.report.summary_text import notes, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.evaluation.analysis.findings import Verdict
    from workbench.evaluation.report.report import Report, SuiteFacts, TextResult
    from workbench.evaluation.suites.items import ItemResult, Size

MARGINS: dict[Size, float] = {"quick": 0.1, "standard": 0.05, "full": 0.03}
"""Loss that is still called kept, by suites with the items to tell: about ``1 / margin^2``."""

WIDEST = MARGINS["quick"]
"""No suite is judged more mildly than this unless it is asked for."""

_WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "INCONCLUSIVE", "PASS")


def analyse(report: Report, *, margin: float | None = None) -> Findings:
    """Compute the findings of a report.

    Args:
        report: Before and after, item by item.
        margin: Loss, 0 to 1, that is still called kept, for every suite alike; None for the margin
            of the report's size, see :func:`suite_margin`.

    Raises:
        BadInputError: A result is missing or is not a number.
    """
    refuse_gaps(report)
    wanted = MARGINS[report.size or "quick"] if margin is None else margin
    unchanged = is_base(report)
    found = [
        _capability(facts, scores(report, facts), wanted, margin is None, unchanged)
        for facts in report.suites
    ]
    found = _corrected(found)
    verdicts = [each.verdict for each in found if each.verdict]
    findings = Findings(
        verdict=min(verdicts, key=_WORST_FIRST.index, default="INCONCLUSIVE"),
        sentence="",
        margin=wanted,
        retention_index=_index(report, found, unchanged),
        kl_general=_over_tokens(report.after.general, [text.kl for text in report.after.general]),
        kl_task=_over_tokens(report.after.task, [text.kl for text in report.after.task]),
        delta_nll=_delta_nll(report),
        domain_leak=_leak(report),
        target_task=_target(report),
        capabilities=tuple(found),
        items=tuple(_changed(report)),
        noise_floor=report.noise.kl if report.noise else None,
    )
    words = {"sentence": sentence(findings, unchanged), "notes": notes(findings, report, unchanged)}
    return findings.model_copy(update=words)


def suite_margin(n: int, wanted: float) -> float:
    """Loss that ``n`` items can be held to: ``1 / sqrt(n)``, 10 points at 100 and 4.5 at 500.

    It is never below ``wanted``, the margin of the report's size, and never above the widest.
    """
    return max(wanted, min(WIDEST, 1 / math.sqrt(n)))


def _capability(
    facts: SuiteFacts, pairs: Pairs, wanted: float, widened: bool, unchanged: bool
) -> Capability:
    if not pairs.n:
        return _unasked(facts, wanted)
    before, after = _mean(pairs.before), _mean(pairs.after)
    change = _mean(pairs.changes)
    low, high = (change, change) if unchanged else statistics.change_interval(pairs)
    margin = suite_margin(pairs.n, wanted) if widened else wanted
    headroom = statistics.known_share(before, facts.chance) >= HEADROOM
    judged = facts.measures != "information" and (headroom or unchanged)
    verdict = statistics.gate_state(change, low, high, margin) if judged else None
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
        known_before=statistics.known_share(before, facts.chance),
        known_after=statistics.known_share(after, facts.chance),
        headroom=headroom,
    )


def _unasked(facts: SuiteFacts, margin: float) -> Capability:
    """A suite without an item at this size: everything about it is open."""
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


def _corrected(found: Sequence[Capability]) -> list[Capability]:
    """Holm's correction over the capabilities that have a verdict."""
    judged = [each for each in found if each.verdict]
    corrected = dict(
        zip(
            (each.name for each in judged),
            statistics.holm([each.p for each in judged]),
            strict=True,
        )
    )
    return [each.model_copy(update={"p": corrected.get(each.name, each.p)}) for each in found]


def _index(report: Report, found: Sequence[Capability], unchanged: bool) -> Interval | None:
    """The retention index over what is known and how it is said; safety is a matter of its own."""
    kept = {
        each.name for each in found if each.headroom and each.kind in ("knowledge", "behaviour")
    }
    pairs = [scores(report, facts) for facts in report.suites if facts.name in kept]
    if not pairs:
        return None
    value, low, high = (1.0, 1.0, 1.0) if unchanged else statistics.retention_index(pairs)
    return Interval(value=value, low=low, high=high)


def _over_tokens(texts: Sequence[TextResult], values: Sequence[float]) -> Interval | None:
    """Mean over tokens of one value per sequence, the sequences resampled."""
    if not texts:
        return None
    low, high = statistics.bootstrap_interval(values, [text.tokens for text in texts])
    return Interval(value=mean(texts, values), low=low, high=high)


def _delta_nll(report: Report) -> Interval | None:
    pairs = zip(report.before.general, report.after.general, strict=True)
    return _over_tokens(report.after.general, [after.nll - before.nll for before, after in pairs])


def _leak(report: Report) -> Interval | None:
    pairs = leaked(report)
    return _change(pairs) if report.boilerplate and pairs.n else None


def _change(pairs: Pairs) -> Interval:
    low, high = statistics.change_interval(pairs)
    return Interval(value=_mean(pairs.changes), low=low, high=high)


def _target(report: Report) -> TargetTask:
    before, after = report.before, report.after
    pairs = Pairs(
        tuple(item.score for item in before.target),
        tuple(item.score for item in after.target),
    )
    return TargetTask(
        name="target task",
        n=pairs.n,
        before=before.target_score,
        after=after.target_score,
        nll_before=before.heldout_nll,
        nll_after=after.heldout_nll,
        change=_change(pairs) if pairs.n else None,
        of=max(pairs.n, report.heldout_rows),
    )


def _changed(report: Report) -> Iterator[ItemFinding]:
    """Items whose score changed: the greatest losses first, among equals each suite in turn."""
    ranked = []
    for facts in report.suites:
        pairs = [pair for pair in item_pairs(report, facts.name) if pair[0].score != pair[1].score]
        pairs.sort(key=_change_of)
        informs = facts.measures == "information"
        ranked += [(informs, _change_of(pair), turn, pair) for turn, pair in enumerate(pairs)]
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


def _change_of(pair: tuple[ItemResult, ItemResult]) -> float:
    before, after = pair
    return after.score - before.score


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
