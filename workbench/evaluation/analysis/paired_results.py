"""Reading a report: pairs of results, gaps, and whether the result is the base itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.evaluation.analysis.difficulty import level_of, uninformative_levels
from workbench.evaluation.analysis.domain_leak import has_boilerplate
from workbench.evaluation.analysis.statistics import PairedScores
from workbench.evaluation.report import token_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.evaluation.report import Measurement, Report
    from workbench.evaluation.suites.items import ItemResult, SuiteFacts

_FLOAT32_KL = 1e-6
"""KL of a float32 model to itself, nats per token, where no noise floor was measured."""


def require_complete(report: Report) -> None:
    """Refuse a report with gaps: a verdict on whatever happens to be there would be worthless.

    Raises:
        BadInputError: A result is missing on one side, duplicated, or not a finite number.
    """
    _require_paired_items(report)
    for name in ("general", "task", "target", "answers"):
        before, after = len(getattr(report.before, name)), len(getattr(report.after, name))
        if before != after:
            raise BadInputError(
                f"incomplete report: {name}: {before} results before, {after} after; "
                "'ftwb evaluate' measures the run again"
            )
    for place, value in _all_numbers(report):
        if not math.isfinite(value):
            raise BadInputError(
                f"report cannot be judged: {place} is {value}, not a number; "
                "'ftwb evaluate' measures the run again"
            )


def item_pairs(report: Report, suite: str) -> list[tuple[ItemResult, ItemResult]]:
    """The results of a suite's items before and after, in the order they were asked."""
    after = {result.id: result for result in report.after.items if result.suite == suite}
    before = (result for result in report.before.items if result.suite == suite)
    return [(result, after[result.id]) for result in before]


def judged_pairs(report: Report, facts: SuiteFacts) -> list[tuple[ItemResult, ItemResult]]:
    """The pairs of a suite's items that are evidence.

    Left out are items that were found in the training or replay data, and difficulties at which the
    base is at the floor or at the ceiling.
    """
    left_out = unjudged_levels(report, facts)
    return [pair for pair in _clean_pairs(report, facts) if level_of(pair[0]) not in left_out]


def unjudged_levels(report: Report, facts: SuiteFacts) -> tuple[str, ...]:
    """The difficulties of a suite that are left out because of how the base does on them."""
    base = [before for before, _ in _clean_pairs(report, facts)]
    return uninformative_levels(base, facts.chance)


def _clean_pairs(report: Report, facts: SuiteFacts) -> list[tuple[ItemResult, ItemResult]]:
    """The pairs of a suite's items that were not found in the training or replay data."""
    contaminated = set(report.contaminated)
    pairs = item_pairs(report, facts.name)
    return [pair for pair in pairs if f"{facts.name}/{pair[0].id}" not in contaminated]


def suite_scores(report: Report, facts: SuiteFacts) -> PairedScores:
    """The scores of a suite's items before and after, of those that are evidence."""
    pairs = judged_pairs(report, facts)
    return PairedScores(
        before=tuple(before.score for before, _ in pairs),
        after=tuple(after.score for _, after in pairs),
        chance=facts.chance,
        clusters=tuple(map(_cluster, (before for before, _ in pairs))),
    )


def suite_probabilities(report: Report, facts: SuiteFacts) -> PairedScores | None:
    """The probabilities of the right option before and after; None where an item has no options."""
    pairs = judged_pairs(report, facts)
    before = [before.log_score for before, _ in pairs]
    after = [after.log_score for _, after in pairs]
    known = [score for score in (*before, *after) if score is not None]
    if not pairs or len(known) < 2 * len(pairs):
        return None
    return PairedScores(
        before=tuple(map(math.exp, known[: len(pairs)])),
        after=tuple(map(math.exp, known[len(pairs) :])),
        clusters=tuple(map(_cluster, (before for before, _ in pairs))),
    )


def _cluster(item: ItemResult) -> str:
    """Name of the item's cluster in the report; an item without one is its own."""
    return f"{item.suite}/{item.cluster}" if item.cluster else f"{item.suite}//{item.id}"


def target_scores(report: Report) -> PairedScores:
    """The scores of the held-out rows before and after."""
    return PairedScores(
        before=tuple(item.score for item in report.before.target),
        after=tuple(item.score for item in report.after.target),
    )


def leak_scores(report: Report) -> PairedScores:
    """For each general answer: 1 if it contains boilerplate of the target task, else 0.

    General answers are those to the general prompts and to all probes but knowledge, where an
    option is chosen and nothing is said.
    """
    in_words = {facts.name for facts in report.suites if facts.measures != "knowledge"}

    def scores(side: Measurement) -> tuple[float, ...]:
        probes = (item.answer for item in side.items if item.suite in in_words)
        answers = (*side.answers, *probes)
        return tuple(float(has_boilerplate(answer, report.boilerplate)) for answer in answers)

    prompts = (f"prompt {place}" for place in range(len(report.before.answers)))
    probes = (_cluster(item) for item in report.before.items if item.suite in in_words)
    before, after = scores(report.before), scores(report.after)
    return PairedScores(before, after, clusters=(*prompts, *probes))


def is_unchanged(report: Report) -> bool:
    """Whether the result is the untouched base.

    It is if every judged item is answered in the same words, and KL and held-out loss have not
    moved by more than the noise floor. Where the base itself answers differently when it is asked
    in other batches, as in 16 bits, the same scores will do. Without a likelihood there is no way
    to tell.
    """
    before, after = report.before, report.after
    shifts = [
        token_mean(texts, [text.kl for text in texts]) for texts in (after.general, after.task)
    ]
    if before.heldout_nll is not None and after.heldout_nll is not None:
        shifts.append(after.heldout_nll - before.heldout_nll)
    sizes = [abs(shift) for shift in shifts if shift is not None]
    floor = max(_FLOAT32_KL, report.noise.kl if report.noise else 0.0)
    return bool(sizes) and max(sizes) <= floor and _same_answers(report)


def _same_answers(report: Report) -> bool:
    judged = (facts.name for facts in report.suites if facts.measures != "information")
    wavers = report.noise is not None and report.noise.changed > 0
    return all(
        before.score == after.score and (wavers or before.answer == after.answer)
        for name in judged
        for before, after in item_pairs(report, name)
    )


def _require_paired_items(report: Report) -> None:
    before, after = (
        [(item.suite, item.id) for item in side.items] for side in (report.before, report.after)
    )
    suites = {facts.name for facts in report.suites}
    unpaired = set(before) ^ set(after) | {key for key in before if key[0] not in suites}
    if unpaired:
        names = ", ".join("/".join(key) for key in sorted(unpaired)[:3])
        more = f" and {len(unpaired) - 3} more" if len(unpaired) > 3 else ""
        raise BadInputError(
            f"incomplete report: {names}{more} not measured both before and after; "
            "'ftwb evaluate' measures the run again"
        )
    if len(set(before)) < len(before) or len(set(after)) < len(after):
        raise BadInputError(
            "damaged report: duplicate probe item; 'ftwb evaluate' measures the run again"
        )


def _all_numbers(report: Report) -> Iterator[tuple[str, float]]:
    """Every number that a finding rests on, with a description."""
    for name, side in (("before", report.before), ("after", report.after)):
        yield from ((f"{name}: {item.suite}/{item.id}", item.score) for item in side.items)
        yield from (
            (f"{name}: likelihood of {item.suite}/{item.id}", item.log_score)
            for item in side.items
            if item.log_score is not None
        )
        for kind, texts in (("general", side.general), ("task", side.task)):
            yield from ((f"{name}: loss of {kind} text", text.nll) for text in texts)
            yield from ((f"{name}: KL of {kind} text", text.kl) for text in texts)
            yield from ((f"{name}: KL at the opening", text.opening_kl) for text in texts)
        if side.heldout_nll is not None:
            yield f"{name}: held-out loss", side.heldout_nll
    if report.noise:
        yield "noise floor", report.noise.kl
