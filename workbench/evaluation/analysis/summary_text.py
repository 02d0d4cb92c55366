"""Findings in words: a sentence on what was forgotten, one on what was learned, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.analysis.formatting import (
    MEASURES,
    SCALES,
    join_words,
    nats,
    points,
    rating,
    share,
    size_in_points,
    span,
)
from workbench.evaluation.suites import user_suite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.evaluation.analysis.findings import Capability, Findings, TargetTask
    from workbench.evaluation.report import Report
    from workbench.evaluation.suites.items import Measures

_LOSSES: dict[Measures, str] = {
    "knowledge": "forgot knowledge",
    "behaviour": "changed how it answers",
    "safety": "changed what it refuses",
}
_MAX_ITEMS = 20
"""Items that a note names."""

_MAX_PROMPT = 80
"""Characters of a prompt in a note."""


def summary(findings: Findings, unchanged: bool) -> str:
    """One sentence on what was forgotten, and one on what was learned.

    Args:
        findings: Complete but for sentence and notes.
        unchanged: Whether the result is the base.
    """
    sentences = (_forgetting(findings, unchanged), _learning(findings.target_task))
    return " ".join(filter(None, sentences))


def _forgetting(findings: Findings, unchanged: bool) -> str:
    failed, unsure, passed = (
        [each for each in findings.capabilities if each.verdict == verdict]
        for verdict in ("FAIL", "INCONCLUSIVE", "PASS")
    )
    if unchanged and passed:
        return "The result is still the base: nothing was lost and nothing gained."
    if failed:
        return _loss_sentence(failed, unsure, passed)
    if unsure:
        return _inconclusive_sentence(unsure, passed)
    if passed:
        margin = size_in_points(max(each.margin for each in passed))
        return f"All capabilities of the base were kept: none lost {margin}."
    reason = (
        "the base has nothing to lose in these suites"
        if findings.capabilities
        else "no probe suite was asked"
    )
    return f"Forgetting was not measured: {reason}."


def _loss_sentence(
    failed: Sequence[Capability], unsure: Sequence[Capability], passed: Sequence[Capability]
) -> str:
    kinds = dict.fromkeys(each.kind for each in failed)
    knowledge = [each for each in (*failed, *unsure, *passed) if each.kind == "knowledge"]
    knowledge_kept = bool(knowledge) and set(knowledge) <= set(passed)
    suffix = " but kept its knowledge" if knowledge_kept else ""
    parts = [", ".join(_change(each) for each in failed)]
    if unsure:
        parts.append(f"{join_words(_titles(unsure))} inconclusive")
    if passed:
        parts.append(f"{join_words(_titles(passed))} kept")
    losses = join_words([_LOSSES[kind] for kind in kinds])
    return f"The model {losses}{suffix}: {'; '.join(parts)}."


def _inconclusive_sentence(unsure: Sequence[Capability], passed: Sequence[Capability]) -> str:
    margin = size_in_points(max(each.margin for each in unsure))
    falls = sorted((each for each in unsure if each.change < 0), key=lambda each: each.change)
    largest = f"; the largest drop is {_change(falls[0])}" if falls else ""
    too_few = (
        f"{join_words(_titles(unsure))} had too few items"
        if passed
        else "no suite had enough items"
    )
    return f"No loss is proven, but {too_few} to rule out a loss of {margin}{largest}."


def _change(capability: Capability) -> str:
    title = _titles([capability])[0]
    interval = span(capability.low, capability.high)
    return f"{title} {points(capability.change)} points {interval}"


def _titles(capabilities: Sequence[Capability]) -> list[str]:
    """Titles in lower case for the middle of a sentence; acronyms stay as they are."""
    titles = (each.title for each in capabilities)
    return [title[:1].lower() + title[1:] if title[1:2].islower() else title for title in titles]


def _learning(task: TargetTask) -> str:
    if task.change is not None:
        scores = f"{share(task.before)} → {share(task.after)}."
        if task.change.low > 0:
            return f"The target task was learned: {scores}"
        if task.change.high < 0:
            return f"The target task got worse: {scores}"
        return f"No significant gain on the target task: {scores}"
    if task.nll_before is None or task.nll_after is None:
        return ""
    moved = "fell" if task.nll_after < task.nll_before else "did not fall"
    losses = f"{nats(task.nll_before)} → {nats(task.nll_after)} nats per token"
    return f"The loss on held-out rows of the target task {moved}: {losses}."


def notes(findings: Findings, report: Report, unchanged: bool) -> tuple[str, ...]:
    """What a reader must know, most important first.

    Args:
        findings: Complete but for sentence and notes.
        report: What they were computed from.
        unchanged: Whether the result is the base.
    """
    return (
        *report.notes,
        *_measurement_notes(findings, unchanged),
        *_user_suite_notes(findings),
        *_suite_notes(findings),
        *_rating_notes(findings),
        *_contamination_notes(report.contaminated),
        *_noise_notes(report),
    )


def _measurement_notes(findings: Findings, unchanged: bool) -> Iterator[str]:
    if unchanged:
        yield (
            "Every judged item is answered in the same words, and the likelihoods equal the base's "
            "down to the noise floor: nothing was sampled, so the intervals have no width"
        )
    if not findings.capabilities:
        yield (
            "No probe suite was asked before and after, so there is nothing to judge; "
            "'ftwb evaluate RUN --size quick' asks them now"
        )
    if findings.kl_general is None:
        yield "KL to base was not measured: no general text"


def _user_suite_notes(findings: Findings) -> Iterator[str]:
    """Items lost in the user's own suite, which is too small to be judged."""
    lost = [
        item
        for item in findings.items
        if item.suite == user_suite.NAME and item.after < item.before
    ]
    if lost:
        prompts = (" ".join(item.prompt.split())[:_MAX_PROMPT] for item in lost[:_MAX_ITEMS])
        yield f"Lost in your own probes: {len(lost)}: {'; '.join(prompts)}"


def _suite_notes(findings: Findings) -> Iterator[str]:
    for capability in findings.capabilities:
        if not capability.n:
            yield f"{capability.title}: no items at this size"
    no_headroom = [
        each
        for each in findings.capabilities
        if each.verdict is None and each.kind != "information"
    ]
    if no_headroom:
        scores = ", ".join(
            f"{each.title} {share(each.before)} (chance {share(each.chance)})"
            for each in no_headroom
        )
        yield f"No headroom, so excluded from verdict and retention index: {scores}"
    widened = [
        each for each in findings.capabilities if each.verdict and each.margin > findings.margin
    ]
    if widened:
        margins = ", ".join(
            f"{each.title} ({each.n}) {size_in_points(each.margin)}" for each in widened
        )
        yield (
            f"Suites with too few items for a margin of {size_in_points(findings.margin)} are "
            f"judged by a wider one: {margins}"
        )


def _rating_notes(findings: Findings) -> Iterator[str]:
    for measure, name in MEASURES.items():
        interval = getattr(findings, measure)
        if interval and rating(measure, interval.value) == "bad":
            limit = SCALES[measure][1]
            value, bound = (
                (size_in_points(interval.value), size_in_points(limit))
                if measure == "domain_leak"
                else (nats(interval.value), f"{limit} nats per token")
            )
            yield f"{name} is bad: {value}, above {bound}"


def _contamination_notes(contaminated: Sequence[str]) -> Iterator[str]:
    if contaminated:
        rest = len(contaminated) - _MAX_ITEMS
        more = f" and {rest} more" if rest > 0 else ""
        yield (
            "Probe items found in the training or replay data, whose right answers prove nothing: "
            f"{', '.join(contaminated[:_MAX_ITEMS])}{more}"
        )


def _noise_notes(report: Report) -> Iterator[str]:
    if report.noise and report.noise.changed:
        yield (
            f"Asked again in batches of another size, the base itself changed its score on "
            f"{report.noise.changed} of {report.noise.items} items"
        )
