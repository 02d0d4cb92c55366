"""``ftwb compare``: runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, emit_table, narrate
from workbench.core.formatting import percent
from workbench.evaluation.analysis.formatting import points_interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.evaluation.analysis.comparison import Comparison, ComparisonRow, RetentionMetric
    from workbench.evaluation.analysis.findings import Interval
    from workbench.evaluation.analysis.published_results import PublishedTable
    from workbench.evaluation.analysis.run_differences import RunDifference
    from workbench.runs.folder import RunFolder, Runs

_FRONTS: dict[RetentionMetric, str] = {
    "retention_index": "kept",
    "kl_general": "KL",
    "delta_nll": "ΔNLL",
}
"""The column of each retention measure."""
_PAIR_COLUMNS = ("run against run", "items", "right answers", "won : lost", "p", "learned")
_COLUMNS = ("run", "verdict", "learned", "leak", "kept", "KL", "ΔNLL", "front")


@click.command(
    "compare", cls=Command, group="Evaluation", short_help="Compare what runs learned and kept."
)
@click.argument("runs", nargs=-1)
@click.option("--sweep", help="Add the runs of a sweep that have a report: its id, or 'last'.")
@click.option("--prior", "with_prior", is_flag=True, help="Add published results of another model.")
@json_option
@click.pass_obj
def command(
    root: Path, runs: Sequence[str], sweep: str | None, with_prior: bool, as_json: bool
) -> None:
    """Compare RUNS: what each learned, what it kept, and which recipe fields differ.

    'learned' is the target score, or the nats per token gained on the held-out rows where a run has
    no score; 'kept' is the retention index. 'front' names the measures on whose Pareto front the
    run lies: no other run is shown to have learned or kept more without losing on the other. The
    last table compares the runs in pairs, on the items that both were asked. Each of RUNS is an id,
    a unique part of one, or 'last'.
    """
    from workbench.evaluation.analysis.comparison import compare, read_judged_run
    from workbench.evaluation.analysis.published_results import published_table
    from workbench.runs.folder import Runs

    if not runs and not sweep:
        raise click.UsageError("name at least one run, or a sweep with --sweep")
    folders = dict.fromkeys(Runs(root).find(run) for run in runs)
    if sweep:
        folders |= dict.fromkeys(_with_report(Runs(root), sweep))
    comparison = compare([read_judged_run(run) for run in folders])
    prior = published_table() if with_prior else None
    if as_json:
        published = {"prior": prior} if prior else {}
        emit_json({**comparison.model_dump(mode="json"), **published})
    else:
        _print(comparison, prior)


def _with_report(runs: Runs, sweep: str) -> list[RunFolder]:
    """The runs of a sweep that have a report; the others are named on stderr."""
    from workbench.core.errors import NotFoundError
    from workbench.runs.sweeps import members

    swept = members(runs, sweep)
    for run in swept:
        if not run.files.is_file(run.report):
            narrate(f"{run.id} is left out: no report yet ({run.status().label})")
    reported = [run for run in swept if run.files.is_file(run.report)]
    if not reported:
        raise NotFoundError(f"{sweep}: none of its {len(swept)} runs has a report yet")
    return reported


def _print(comparison: Comparison, prior: PublishedTable | None) -> None:
    rows = [_row(run, comparison) for run in comparison.runs]
    if prior:
        rows += [
            (row.name, "published", percent(row.score), "", "", "", f"{row.delta_nll:+.3f}", "")
            for row in prior.rows
        ]
        narrate(prior.caution)
    emit_table(_COLUMNS, rows)
    if comparison.differences:
        columns = ("field", *(run.run for run in comparison.runs))
        emit_table(columns, [(row.field, *row.values) for row in comparison.differences])
    if comparison.pairs:
        emit_table(_PAIR_COLUMNS, [_pair(pair) for pair in comparison.pairs])
    for note in comparison.notes:
        narrate(note)


def _pair(pair: RunDifference) -> tuple[str, ...]:
    return (
        f"{pair.run} - {pair.other}",
        f"{pair.n:,}",
        points_interval(pair.change) if pair.change else "",
        f"{pair.won} : {pair.lost}",
        f"{pair.p:.3f}",
        points_interval(pair.learned) if pair.learned else "",
    )


def _row(run: ComparisonRow, comparison: Comparison) -> tuple[str, ...]:
    learned = ""
    if run.learned is not None:
        is_score = comparison.learned_as == "score"
        learned = percent(run.learned) if is_score else f"{run.learned:+.3f} nats"
    return (
        run.run,
        run.outcome,
        learned,
        "" if run.domain_leak is None else percent(run.domain_leak.value, signed=True),
        _value(run.retention_index, ".2f"),
        _value(run.kl_general, ".3f"),
        _value(run.delta_nll, "+.3f"),
        ", ".join(_FRONTS[front] for front in run.fronts),
    )


def _value(interval: Interval | None, spec: str) -> str:
    return format(interval.value, spec) if interval else ""
