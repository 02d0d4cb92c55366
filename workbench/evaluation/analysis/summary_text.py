"""Findings in words: a sentence on what was forgotten, one on what was learned, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.analysis.criteria import is_capability
from workbench.evaluation.analysis.formatting import (
    criterion_measured,
    in_sentence,
    join_words,
    nats,
    points,
    share,
    size_in_points,
    span,
)
from workbench.evaluation.analysis.paired_results import unjudged_levels
from workbench.evaluation.suites import user_suite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.evaluation.analysis.findings import Capability, Findings, Headline, TargetTask
    from workbench.evaluation.report import Report
    from workbench.evaluation.suites.items import Measures

_LOSSES: dict[Measures, str] = {
    "knowledge": "forgot knowledge",
    "behaviour": "changed how it answers",
    "safety": "changed what it refuses",
}
_GENERAL: dict[Headline, str] = {
    "HIJACKED": "The model answers general questions like its task",
    "DAMAGED": "The model's language itself got worse",
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
    if findings.verdict == "FAIL":
        return " ".join(_failure_sentences(findings, failed, unsure, passed))
    if findings.verdict == "PASS":
        return _kept_sentence(findings, passed)
    if unsure or passed:
        return f"No loss is proven, but not everything is decided: {findings.proof}."
    reason = (
        "the base has nothing to lose in these suites"
        if findings.capabilities
        else "no probe suite was asked"
    )
    return f"Forgetting was not measured: {reason}."


def _kept_sentence(findings: Findings, passed: Sequence[Capability]) -> str:
    margin = size_in_points(max(each.margin for each in passed))
    absent = [in_sentence(each.title) for each in findings.criteria if not each.interval]
    suffix = f"; not measured: {join_words(absent)}" if absent else ""
    return f"The base was kept: {findings.proof}, and no capability lost {margin}{suffix}."


def _failure_sentences(
    findings: Findings,
    failed: Sequence[Capability],
    unsure: Sequence[Capability],
    passed: Sequence[Capability],
) -> Iterator[str]:
    """What is wrong with the model's answers and text, then what it lost."""
    general = [
        each
        for each in findings.criteria
        if each.verdict == "FAIL" and not is_capability(each) and each.name != "pooled"
    ]
    if general:
        said = _GENERAL.get(findings.outcome, "The model changed")
        yield f"{said}: {'; '.join(map(criterion_measured, general))}."
    if failed:
        yield _loss_sentence(failed, unsure, passed)
    pooled = [each for each in findings.criteria if each.name == "pooled"]
    if pooled and pooled[0].verdict == "FAIL" and not failed:
        yield f"The model lost over many suites: {criterion_measured(pooled[0])}."


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


def _change(capability: Capability) -> str:
    title = _titles([capability])[0]
    interval = span(capability.low, capability.high)
    return f"{title} {points(capability.change)} points {interval}"


def _titles(capabilities: Sequence[Capability]) -> list[str]:
    return [in_sentence(each.title) for each in capabilities]


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
        *_difficulty_notes(report),
        *_contamination_notes(report.contaminated),
        *_noise_notes(report),
    )


def _measurement_notes(findings: Findings, unchanged: bool) -> Iterator[str]:
    if unchanged:
        yield (
            "Every judged item is answered as by the base, and the likelihoods equal the base's "
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
    judged = [each for each in findings.capabilities if each.kind != "information" and each.n]
    if no_headroom := [each for each in judged if each.verdict is None]:
        scores = ", ".join(
            f"{each.title} {share(each.before)} of {each.n} (chance {share(each.chance)})"
            for each in no_headroom
        )
        yield (
            "No headroom at this size, so excluded from verdict and retention index: "
            f"{scores}; what the base hardly knows it cannot be seen to lose"
        )
    if ceiling := [each for each in judged if each.verdict and each.ceiling]:
        names = join_words([each.title for each in ceiling])
        yield f"At the ceiling in the base, so only losses can be seen: {names}"
    if tolerated := [each for each in judged if each.verdict]:
        margins = ", ".join(f"{each.title} {size_in_points(each.margin)}" for each in tolerated)
        yield f"Tolerated losses, by number of items: {margins}"


def _difficulty_notes(report: Report) -> Iterator[str]:
    """Difficulties that are not judged because of how the base does on them."""
    for facts in report.suites:
        if left_out := unjudged_levels(report, facts):
            noun = "difficulty" if len(left_out) == 1 else "difficulties"
            yield (
                f"{facts.title}: {noun} {join_words(left_out)} left out of the verdict: the base "
                "gets hardly any or nearly all of those items right"
            )


def _contamination_notes(contaminated: Sequence[str]) -> Iterator[str]:
    if contaminated:
        rest = len(contaminated) - _MAX_ITEMS
        more = f" and {rest} more" if rest > 0 else ""
        yield (
            "Probe items found in the training or replay data, left out of verdict and index: "
            f"{', '.join(contaminated[:_MAX_ITEMS])}{more}"
        )


def _noise_notes(report: Report) -> Iterator[str]:
    if report.noise and report.noise.changed:
        yield (
            f"Asked again in batches of another size, the base itself changed its score on "
            f"{report.noise.changed} of {report.noise.items} items"
        )
