"""Runs side by side: what each learned against what it kept, and what was done differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from workbench.evaluation.analysis.findings import Findings, Interval, TargetTask, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

Keeping = Literal["retention_index", "kl_general", "delta_nll"]
"""What can be set against what was learned: a finding of the same name."""
Learned = Literal["score", "nll"]
KEEPING: tuple[Keeping, ...] = ("retention_index", "kl_general", "delta_nll")
_MORE_IS_BETTER = frozenset({"retention_index"})
_UNTOUCHED: dict[Keeping, float] = {"retention_index": 1.0, "kl_general": 0.0, "delta_nll": 0.0}
_SAME_TASK = ("data.train", "data.heldout", "data.heldout_share", "evaluation.target_field")
_NAMES = frozenset({"name", "description"})


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class Compared(_Result):
    """One run among others.

    Attributes:
        run: Its id.
        name: What its recipe is called.
        learned: Target score, 0 to 1, or nats per token won on the held-out rows: see
            :attr:`Comparison.learned_as`.
        fronts: Of which planes it stands on the Pareto front.
    """

    run: str
    name: str
    strategy: str
    verdict: Verdict
    target_task: TargetTask
    learned: float | None
    retention_index: Interval | None
    kl_general: Interval | None
    delta_nll: Interval | None
    domain_leak: Interval | None
    fronts: tuple[Keeping, ...] = ()

    def kept(self, keeping: Keeping) -> float | None:
        """The point value of one of the things kept."""
        interval: Interval | None = getattr(self, keeping)
        return interval.value if interval else None


class Difference(_Result):
    """A field of the recipes that is not the same in all; None where a recipe has it not."""

    field: str
    values: tuple[Any, ...]


class Comparison(_Result):
    """All that ``ftwb compare --json`` prints.

    Attributes:
        runs: As asked for.
        learned_as: ``score`` where every run has a target score, else ``nll``: nats per token won.
        base: Where the untouched base stands on that axis; None where the runs disagree.
        differences: Fields of every recipe first, then those that only some have.
        notes: Why the runs may not be comparable, in sentences.
    """

    runs: tuple[Compared, ...]
    learned_as: Learned
    base: float | None
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Contestant:
    """What is known of one run: its id, its recipe and its findings."""

    run: str
    recipe: Recipe
    findings: Findings


def read_contestant(run: RunFolder) -> Contestant:
    """Read and judge the report of ``run``: seconds for a large one.

    Raises:
        NotFoundError: It has no report.
        BadInputError: Its report or its recipe cannot be read.
    """
    from workbench.evaluation.lm_eval_results import read_findings

    return Contestant(run.id, run.recipe(), read_findings(run))


def compare(contestants: Sequence[Contestant]) -> Comparison:
    """Set the runs side by side, in their order."""
    scored = all(each.findings.target_task.after is not None for each in contestants)
    learned_as: Learned = "score" if scored else "nll"
    compared = [_compared(each, learned_as) for each in contestants]
    fronts = {keeping: pareto_front(compared, keeping) for keeping in KEEPING}
    return Comparison(
        runs=tuple(
            each.model_copy(update={"fronts": tuple(k for k in KEEPING if each.run in fronts[k])})
            for each in compared
        ),
        learned_as=learned_as,
        base=_base(contestants, learned_as),
        differences=differences([each.recipe for each in contestants]),
        notes=tuple(_notes(contestants, compared, learned_as)),
    )


def _compared(contestant: Contestant, learned_as: Learned) -> Compared:
    findings = contestant.findings
    return Compared(
        run=contestant.run,
        name=contestant.recipe.name,
        strategy=contestant.recipe.strategy.kind,
        verdict=findings.verdict,
        target_task=findings.target_task,
        learned=_learned(findings.target_task, learned_as),
        retention_index=findings.retention_index,
        kl_general=findings.kl_general,
        delta_nll=findings.delta_nll,
        domain_leak=findings.domain_leak,
    )


def _learned(task: TargetTask, learned_as: Learned) -> float | None:
    if learned_as == "score":
        return task.after
    if task.nll_before is None or task.nll_after is None:
        return None
    return task.nll_before - task.nll_after


def _base(contestants: Sequence[Contestant], learned_as: Learned) -> float | None:
    if learned_as == "nll":
        return 0.0
    before = {each.findings.target_task.before for each in contestants}
    return before.pop() if len(before) == 1 else None


def untouched(keeping: Keeping) -> float:
    """Where the untouched base stands: it has kept everything."""
    return _UNTOUCHED[keeping]


def more_is_better(keeping: Keeping) -> bool:
    """Whether a larger value of it means that more was kept."""
    return keeping in _MORE_IS_BETTER


def pareto_front(runs: Iterable[Compared], keeping: Keeping) -> frozenset[str]:
    """Ids of the runs that no other beats on both axes; equal runs do not beat each other."""
    sign = 1.0 if more_is_better(keeping) else -1.0
    points = {
        each.run: (each.learned, sign * kept)
        for each in runs
        if each.learned is not None and (kept := each.kept(keeping)) is not None
    }
    return frozenset(
        run
        for run, (learned, kept) in points.items()
        if not any(
            other != (learned, kept) and other[0] >= learned and other[1] >= kept
            for other in points.values()
        )
    )


def differences(recipes: Sequence[Recipe]) -> tuple[Difference, ...]:
    """The fields in which the recipes differ, names left out; first those that all of them have."""
    flat = [_flatten(recipe.model_dump(mode="json")) for recipe in recipes]
    fields = dict.fromkeys(name for values in flat for name in values if name not in _NAMES)
    rows = [
        Difference(field=name, values=tuple(each.get(name) for each in flat)) for name in fields
    ]
    differing = [row for row in rows if any(value != row.values[0] for value in row.values)]
    return tuple(sorted(differing, key=lambda row: None in row.values))


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields by dotted name; a field that is None counts as not there."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        elif value is not None:
            flat[f"{prefix}{key}"] = value
    return flat


def _notes(
    contestants: Sequence[Contestant], compared: Sequence[Compared], learned_as: Learned
) -> list[str]:
    differing = {difference.field for difference in differences([c.recipe for c in contestants])}
    suites = {tuple((c.name, c.n) for c in each.findings.capabilities) for each in contestants}
    silent = [each.run for each in compared if each.learned is None]
    told = {
        "the base models differ: what was kept is measured against each run's own base": (
            differing & {"model.id", "model.revision"}
        ),
        "the data or the label differ: what was learned is not the same task": (
            differing & set(_SAME_TASK)
        ),
        "not the same suites or sizes were asked: retention indices do not compare": (
            len(suites) > 1
        ),
        "not every run has a target score: nats won on the held-out rows stand for it": (
            learned_as == "nll"
        ),
        f"nothing is known of what these learned: {', '.join(silent)}": silent,
    }
    return [sentence for sentence, true in told.items() if true]
