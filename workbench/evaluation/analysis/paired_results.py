"""Reading the evidence of a report: pairs of results, holes in it, and whether anything changed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.evaluation.analysis.domain_leak import leaks
from workbench.evaluation.analysis.statistics import Pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.evaluation.report.report import Measurement, Report, SuiteFacts, TextResult
    from workbench.evaluation.suites.items import ItemResult

_ROUNDING = 1e-6
"""KL of a float32 model to itself, nats per token, where no noise floor was measured."""


def refuse_gaps(report: Report) -> None:
    """Refuse evidence with holes: a verdict on what happens to be there would be worth nothing.

    Raises:
        BadInputError: A result is missing on one side, or is not a number.
    """
    _refuse_unpaired_items(report)
    for name in ("general", "task", "target", "answers"):
        before, after = len(getattr(report.before, name)), len(getattr(report.after, name))
        if before != after:
            raise BadInputError(
                f"the report is incomplete: {name}: {before} before, {after} after; "
                "measure the run again"
            )
    for place, value in _numbers(report):
        if not math.isfinite(value):
            raise BadInputError(f"the report cannot be judged: {place} is {value}, not a number")


def item_pairs(report: Report, suite: str) -> list[tuple[ItemResult, ItemResult]]:
    """The results of a suite's items, before and after, in the order they were asked."""
    after = {result.id: result for result in report.after.items if result.suite == suite}
    before = (result for result in report.before.items if result.suite == suite)
    return [(result, after[result.id]) for result in before]


def scores(report: Report, facts: SuiteFacts) -> Pairs:
    """The scores of a suite."""
    results = item_pairs(report, facts.name)
    return Pairs(
        before=tuple(before.score for before, _ in results),
        after=tuple(after.score for _, after in results),
        chance=facts.chance,
    )


def leaked(report: Report) -> Pairs:
    """For each answer in words to something else than the task: 1 where it sounds like the task.

    Those are the answers to the general prompts and to the probes, but for knowledge: there an
    option is chosen and nothing is said.
    """
    spoken = {facts.name for facts in report.suites if facts.measures != "knowledge"}

    def marks(side: Measurement) -> tuple[float, ...]:
        probes = (item.answer for item in side.items if item.suite in spoken)
        return tuple(float(leaks(text, report.boilerplate)) for text in (*side.answers, *probes))

    return Pairs(marks(report.before), marks(report.after))


def is_base(report: Report) -> bool:
    """Whether the result is the untouched base.

    It is where every judged item is answered in the same words, and KL and held-out loss have not
    moved by more than the noise floor. Without a likelihood there is no telling.
    """
    before, after = report.before, report.after
    shifts = [
        mean(texts, [text.kl for text in texts]) for texts in (after.general, after.task) if texts
    ]
    if before.heldout_nll is not None and after.heldout_nll is not None:
        shifts.append(after.heldout_nll - before.heldout_nll)
    floor = max(_ROUNDING, report.noise.kl if report.noise else 0.0)
    return bool(shifts) and max(map(abs, shifts)) <= floor and _answers_alike(report)


def mean(texts: Sequence[TextResult], values: Sequence[float]) -> float:
    """Mean over the tokens of sequences that each have one value per token."""
    total = sum(text.tokens for text in texts)
    return sum(text.tokens * value for text, value in zip(texts, values, strict=True)) / total


def _answers_alike(report: Report) -> bool:
    judged = (facts.name for facts in report.suites if facts.measures != "information")
    return all(
        (before.score, before.answer) == (after.score, after.answer)
        for name in judged
        for before, after in item_pairs(report, name)
    )


def _refuse_unpaired_items(report: Report) -> None:
    before, after = (
        [(item.suite, item.id) for item in side.items] for side in (report.before, report.after)
    )
    known = {facts.name for facts in report.suites}
    odd = set(before) ^ set(after) | {key for key in before if key[0] not in known}
    if odd:
        names = ", ".join("/".join(key) for key in sorted(odd)[:3])
        more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
        raise BadInputError(
            f"the report is incomplete: {names}{more} not measured both before and after; "
            "measure the run again"
        )
    if len(set(before)) < len(before) or len(set(after)) < len(after):
        raise BadInputError("the report is damaged: it holds a probe item twice")


def _numbers(report: Report) -> Iterator[tuple[str, float]]:
    """Every number that a finding rests on, with where it stands."""
    for name, side in (("before", report.before), ("after", report.after)):
        yield from ((f"{name}: {item.suite}/{item.id}", item.score) for item in side.items)
        for kind, texts in (("general", side.general), ("task", side.task)):
            yield from ((f"{name}: loss of {kind} text", text.nll) for text in texts)
            yield from ((f"{name}: KL of {kind} text", text.kl) for text in texts)
        if side.heldout_nll is not None:
            yield f"{name}: held-out loss", side.heldout_nll
    if report.noise:
        yield "noise floor", report.noise.kl
