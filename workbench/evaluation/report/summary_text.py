"""The verdict in words: one sentence on what was forgotten, one on what was learned, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.report.formatting import (
    MEASURES,
    SCALES,
    listed,
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
    from workbench.evaluation.report.report import Report
    from workbench.evaluation.suites.items import Measures

_FORGOT: dict[Measures, str] = {
    "knowledge": "forgot what it knew",
    "behaviour": "changed how it answers",
    "safety": "changed what it refuses",
}
_NAMED = 20
_LONGEST = 80
"""Characters of a prompt in a note."""


def sentence(findings: Findings, unchanged: bool) -> str:
    """Say what was forgotten, and what was learned.

    Args:
        findings: All of them but for their words.
        unchanged: Whether the result is the base.
    """
    return " ".join(
        filter(None, (_forgetting(findings, unchanged), _learning(findings.target_task)))
    )


def _forgetting(findings: Findings, unchanged: bool) -> str:
    lost, unsure, kept = (
        [each for each in findings.capabilities if each.verdict == verdict]
        for verdict in ("FAIL", "INCONCLUSIVE", "PASS")
    )
    if unchanged and kept:
        return "It is still the base: nothing was lost and nothing gained."
    if lost:
        return _loss(lost, unsure, kept)
    if unsure:
        return _doubt(unsure, kept)
    if kept:
        widest = max(each.margin for each in kept)
        return f"It kept what the base can do: no capability lost {size_in_points(widest)}."
    why = "the base has nothing to lose in them" if findings.capabilities else "none was measured"
    return f"What it forgot of its capabilities is not known: {why}."


def _loss(
    lost: Sequence[Capability], unsure: Sequence[Capability], kept: Sequence[Capability]
) -> str:
    kinds = dict.fromkeys(each.kind for each in lost)
    knows = [each for each in (*lost, *unsure, *kept) if each.kind == "knowledge"]
    still = ", and still knows what it knew" if knows and set(knows) <= set(kept) else ""
    parts = [", ".join(_fall(each) for each in lost)]
    if unsure:
        parts.append(f"{listed(_titles(unsure))} inconclusive")
    if kept:
        parts.append(f"{listed(_titles(kept))} kept")
    return f"It {listed([_FORGOT[kind] for kind in kinds])}{still}: {'; '.join(parts)}."


def _doubt(unsure: Sequence[Capability], kept: Sequence[Capability]) -> str:
    margin = size_in_points(max(each.margin for each in unsure))
    falls = sorted((each for each in unsure if each.change < 0), key=lambda each: each.change)
    most = f"; the largest fall is {_fall(falls[0])}" if falls else ""
    few = f"{listed(_titles(unsure))} had too few items" if kept else "no suite had the items"
    return f"No loss is proven, but {few} to rule out one of {margin}{most}."


def _fall(each: Capability) -> str:
    name = _titles([each])[0]
    return f"{name} {points(each.change)} points {span(each.low, each.high)}"


def _titles(capabilities: Sequence[Capability]) -> list[str]:
    """Titles as they stand in the middle of a sentence."""
    titles = (each.title for each in capabilities)
    return [title[:1].lower() + title[1:] if title[1:2].islower() else title for title in titles]


def _learning(task: TargetTask) -> str:
    if task.change is not None:
        scores = f"{share(task.before)} → {share(task.after)}."
        if task.change.low > 0:
            return f"It learned its task: {scores}"
        if task.change.high < 0:
            return f"It got worse at its task: {scores}"
        return f"It is not shown to have learned its task: {scores}"
    if task.nll_before is None or task.nll_after is None:
        return ""
    moved = "fell" if task.nll_after < task.nll_before else "did not fall"
    losses = f"{nats(task.nll_before)} → {nats(task.nll_after)} nats per token"
    return f"Its loss on held-out rows of its task {moved}: {losses}."


def notes(findings: Findings, report: Report, unchanged: bool) -> tuple[str, ...]:
    """What a reader must know, most important first.

    Args:
        findings: All of them but for their words.
        report: What they were computed from.
        unchanged: Whether the result is the base.
    """
    return (
        *report.notes,
        *_on_what_was_measured(findings, unchanged),
        *_on_own_probes(findings),
        *_on_the_suites(findings),
        *_on_the_scales(findings),
        *_on_contamination(report.contaminated),
        *_on_noise(report),
    )


def _on_what_was_measured(findings: Findings, unchanged: bool) -> Iterator[str]:
    if unchanged:
        yield (
            "Every judged item is answered in the same words, and the likelihoods are the base's "
            "down to the noise floor: nothing was left to chance, so the intervals have no width"
        )
    if not findings.capabilities:
        yield (
            "No probe suite was asked before and after, so nothing can be passed or failed; "
            "'ftwb evaluate RUN --size quick' asks them now"
        )
    if findings.kl_general is None:
        yield "KL to base was not measured: there was no general text"


def _on_own_probes(findings: Findings) -> Iterator[str]:
    """Name what was lost of the user's own suite, which is too small to be judged."""
    lost = [
        item
        for item in findings.items
        if item.suite == user_suite.NAME and item.after < item.before
    ]
    if lost:
        named = "; ".join(" ".join(item.prompt.split())[:_LONGEST] for item in lost[:_NAMED])
        yield f"Lost of your own probes: {len(lost)}: {named}"


def _on_the_suites(findings: Findings) -> Iterator[str]:
    for each in findings.capabilities:
        if not each.n:
            yield f"{each.title}: no item is asked at this size"
    unjudged = (each for each in findings.capabilities if each.verdict is None)
    low = [each for each in unjudged if each.kind != "information"]
    if low:
        found = ", ".join(
            f"{each.title} {share(each.before)} where chance gives {share(each.chance)}"
            for each in low
        )
        yield f"No headroom, so left out of verdict and retention index: {found}"
    wider = [
        each for each in findings.capabilities if each.verdict and each.margin > findings.margin
    ]
    if wider:
        held = ", ".join(f"{each.title} ({each.n}) {size_in_points(each.margin)}" for each in wider)
        yield (
            f"Suites with too few items for a margin of {size_in_points(findings.margin)} are "
            f"held to a wider one: {held}"
        )


def _on_the_scales(findings: Findings) -> Iterator[str]:
    for measure, name in MEASURES.items():
        found = getattr(findings, measure)
        if found and rating(measure, found.value) == "bad":
            value, bad = (
                (size_in_points(found.value), size_in_points(SCALES[measure][1]))
                if measure == "domain_leak"
                else (nats(found.value), f"{SCALES[measure][1]} nats per token")
            )
            yield f"{name} is bad: {value}, beyond {bad}"


def _on_contamination(found: Sequence[str]) -> Iterator[str]:
    if found:
        rest = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield (
            "Probe items that stand in the training or replay data, so that right answers to them "
            f"prove nothing: {', '.join(found[:_NAMED])}{rest}"
        )


def _on_noise(report: Report) -> Iterator[str]:
    if report.noise and report.noise.changed:
        yield (
            f"Asked again in batches of another size, the base itself changed "
            f"{report.noise.changed} of {report.noise.items} items"
        )
