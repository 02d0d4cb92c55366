"""Runs side by side: what each learned and retained, and which recipe fields differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from workbench.evaluation.analysis.findings import (
    Findings,
    Headline,
    Interval,
    TargetTask,
    Verdict,
)
from workbench.evaluation.analysis.pareto import (
    Position,
    independent_difference,
    negated,
    pareto_front,
)
from workbench.evaluation.analysis.run_differences import (
    RunDifference,
    index_difference,
    learned_difference,
    run_differences,
    text_difference,
)
from workbench.recipe.flatten import flatten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.report import Report
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

RetentionMetric = Literal["retention_index", "kl_general", "delta_nll"]
"""What can be plotted against what was learned: a field of :class:`Findings`."""

LearningMetric = Literal["score", "nll"]

RETENTION_METRICS: tuple[RetentionMetric, ...] = ("retention_index", "kl_general", "delta_nll")

_BASE_VALUES: dict[RetentionMetric, float] = {
    "retention_index": 1.0,
    "kl_general": 0.0,
    "delta_nll": 0.0,
}
_TASK_FIELDS = ("data.train", "data.heldout", "data.heldout_share", "evaluation.target_field")
_NAME_FIELDS = frozenset({"name", "description"})


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class ComparisonRow(_Result):
    """One run of a comparison.

    Attributes:
        run: Its id.
        name: Name in its recipe.
        learned: Target score, 0 to 1, or nats per token gained on the held-out rows; see
            :attr:`Comparison.learned_as`.
        fronts: Retention metrics for which the run is on the Pareto front.
    """

    run: str
    name: str
    strategy: str
    verdict: Verdict
    outcome: Headline
    target_task: TargetTask
    learned: float | None
    retention_index: Interval | None
    kl_general: Interval | None
    delta_nll: Interval | None
    domain_leak: Interval | None
    fronts: tuple[RetentionMetric, ...] = ()

    def retained(self, metric: RetentionMetric) -> float | None:
        """The value of a retention metric; None if it was not measured."""
        interval: Interval | None = getattr(self, metric)
        return interval.value if interval else None


class Difference(_Result):
    """A recipe field that differs between runs; None for a recipe without it."""

    field: str
    values: tuple[Any, ...]


class Comparison(_Result):
    """Everything that ``ftwb compare --json`` prints.

    Attributes:
        runs: In the order they were given.
        learned_as: ``score`` if every run has a target score, else ``nll``: nats per token gained.
        base: Value of the untouched base on that axis; None if the runs disagree.
        differences: Fields of every recipe first, then those that only some have.
        notes: Why the runs may not be comparable, in sentences.
        pairs: Every run against every later one, on the items that both were asked.
    """

    runs: tuple[ComparisonRow, ...]
    learned_as: LearningMetric
    base: float | None
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    pairs: tuple[RunDifference, ...] = ()


@dataclass(frozen=True)
class JudgedRun:
    """A run with its recipe and its findings; without the report, nothing is paired."""

    run: str
    recipe: Recipe
    findings: Findings
    report: Report | None = None


def read_judged_run(run: RunFolder) -> JudgedRun:
    """Read and analyse the report of ``run``, which takes seconds for a large one.

    Raises:
        NotFoundError: There is no report.
        BadInputError: Report or recipe cannot be read.
    """
    from workbench.evaluation.analysis.analysis import read_findings
    from workbench.evaluation.report import read_report

    return JudgedRun(run.id, run.recipe(), read_findings(run), read_report(run))


def compare(runs: Sequence[JudgedRun]) -> Comparison:
    """Put runs side by side, in the order given."""
    all_scored = all(run.findings.target_task.after is not None for run in runs)
    learned_as: LearningMetric = "score" if all_scored else "nll"
    rows = [_row(run, learned_as) for run in runs]
    fronts = {metric: _front(runs, rows, metric, learned_as) for metric in RETENTION_METRICS}
    return Comparison(
        runs=tuple(
            row.model_copy(
                update={"fronts": tuple(m for m in RETENTION_METRICS if row.run in fronts[m])}
            )
            for row in rows
        ),
        learned_as=learned_as,
        base=_base_learned(runs, learned_as),
        differences=differences([run.recipe for run in runs]),
        notes=tuple(_notes(runs, rows, learned_as)),
        pairs=run_differences([(run.run, run.report) for run in runs if run.report]),
    )


def base_value(metric: RetentionMetric) -> float:
    """Value of a retention metric for the untouched base."""
    return _BASE_VALUES[metric]


def higher_is_better(metric: RetentionMetric) -> bool:
    """Whether a larger value means that more was retained."""
    return metric == "retention_index"


def _front(
    runs: Sequence[JudgedRun],
    rows: Sequence[ComparisonRow],
    metric: RetentionMetric,
    learned_as: LearningMetric,
) -> frozenset[str]:
    """Ids of the runs on the front of what was learned and this metric."""
    sign = 1.0 if higher_is_better(metric) else -1.0
    positions = [
        Position(row.run, row.learned, sign * retained)
        for row in rows
        if row.learned is not None and (retained := row.retained(metric)) is not None
    ]
    by_name = {run.run: run for run in runs}

    def differences(first: str, second: str) -> tuple[Interval, Interval]:
        one, other = by_name[first], by_name[second]
        retained = _retained_difference(one, other, metric)
        learned = _learned_difference(one, other, learned_as)
        return learned, retained if sign > 0 else negated(retained)

    return pareto_front(positions, differences)


def _learned_difference(one: JudgedRun, other: JudgedRun, learned_as: LearningMetric) -> Interval:
    """Paired where the same rows were answered; a mean without its rows is taken as it is."""
    if learned_as == "score" and one.report and other.report:
        paired = learned_difference(one.report, other.report)
        if paired:
            return paired
    first, second = (_learned(run.findings.target_task, learned_as) or 0.0 for run in (one, other))
    return Interval(value=first - second, low=first - second, high=first - second)


def _retained_difference(one: JudgedRun, other: JudgedRun, metric: RetentionMetric) -> Interval:
    """Paired where the same items or text were measured, else as of independent runs."""
    paired = _paired_retention(one, other, metric)
    first, second = getattr(one.findings, metric), getattr(other.findings, metric)
    return paired or independent_difference(first, second)


def _paired_retention(one: JudgedRun, other: JudgedRun, metric: RetentionMetric) -> Interval | None:
    if not one.report or not other.report:
        return None
    if metric != "retention_index":
        measure = "kl" if metric == "kl_general" else "nll"
        return text_difference(one.report, other.report, measure)
    suites, others = (
        [
            each.name
            for each in run.findings.capabilities
            if each.headroom and each.kind in ("knowledge", "behaviour")
        ]
        for run in (one, other)
    )
    return index_difference(one.report, other.report, suites) if suites == others else None


def differences(recipes: Sequence[Recipe]) -> tuple[Difference, ...]:
    """The fields in which recipes differ, names left out; fields that all of them have first."""
    flat = [_set_fields(recipe) for recipe in recipes]
    fields = dict.fromkeys(name for values in flat for name in values if name not in _NAME_FIELDS)
    rows = [
        Difference(field=name, values=tuple(values.get(name) for values in flat)) for name in fields
    ]
    differing = [row for row in rows if any(value != row.values[0] for value in row.values)]
    return tuple(sorted(differing, key=lambda row: None in row.values))


def _set_fields(recipe: Recipe) -> dict[str, Any]:
    """The recipe's fields by dotted name; a field that is None counts as missing."""
    fields = flatten(recipe.model_dump(mode="json"))
    return {name: value for name, value in fields.items() if value is not None}


def _row(run: JudgedRun, learned_as: LearningMetric) -> ComparisonRow:
    findings = run.findings
    return ComparisonRow(
        run=run.run,
        name=run.recipe.name,
        strategy=run.recipe.strategy.kind,
        verdict=findings.verdict,
        outcome=findings.outcome,
        target_task=findings.target_task,
        learned=_learned(findings.target_task, learned_as),
        retention_index=findings.retention_index,
        kl_general=findings.kl_general,
        delta_nll=findings.delta_nll,
        domain_leak=findings.domain_leak,
    )


def _learned(task: TargetTask, learned_as: LearningMetric) -> float | None:
    if learned_as == "score":
        return task.after
    if task.nll_before is None or task.nll_after is None:
        return None
    return task.nll_before - task.nll_after


def _base_learned(runs: Sequence[JudgedRun], learned_as: LearningMetric) -> float | None:
    if learned_as == "nll":
        return 0.0
    scores = {run.findings.target_task.before for run in runs}
    return scores.pop() if len(scores) == 1 else None


def _notes(
    runs: Sequence[JudgedRun], rows: Sequence[ComparisonRow], learned_as: LearningMetric
) -> list[str]:
    differing = {difference.field for difference in differences([run.recipe for run in runs])}
    suites = {tuple((c.name, c.n) for c in run.findings.capabilities) for run in runs}
    forms = {(run.report.prompt_form, run.report.thinking) for run in runs if run.report}
    unmeasured = [row.run for row in rows if row.learned is None]
    candidates = {
        "base models differ: retention is measured against each run's own base": (
            differing & {"model.id", "model.revision"}
        ),
        "data or label field differ: the runs did not learn the same task": (
            differing & set(_TASK_FIELDS)
        ),
        "suites or sizes differ: retention indices are not comparable": len(suites) > 1,
        "the models were asked in different forms (as a chat or not, with thoughts or without): "
        "neither learning nor retention is comparable": len(forms) > 1,
        "not every run has a target score: nats gained on the held-out rows are shown instead": (
            learned_as == "nll"
        ),
        f"learning was not measured: {', '.join(unmeasured)}": unmeasured,
    }
    return [note for note, applies in candidates.items() if applies]
