"""``ftwb compare``: runs against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, emit_table, narrate
from workbench.core.formatting import percent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.evaluation.analysis.comparison import Compared, Comparison, Keeping
    from workbench.evaluation.analysis.findings import Interval
    from workbench.evaluation.analysis.published_results import Prior
    from workbench.runs.folder import RunFolder, Runs

_FRONTS: dict[Keeping, str] = {
    "retention_index": "kept",
    "kl_general": "KL",
    "delta_nll": "ΔNLL",
}
"""Each measure by the column that it stands in."""
_COLUMNS = ("run", "verdict", "learned", "kept", "KL", "ΔNLL", "front")


@click.command("compare")
@click.argument("runs", nargs=-1)
@click.option("--sweep", help="Add the runs of a sweep that have a report: its id, or 'last'.")
@click.option("--prior", "with_prior", is_flag=True, help="Add published rows of another model.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    root: Path, runs: Sequence[str], sweep: str | None, with_prior: bool, as_json: bool
) -> None:
    """Set RUNS side by side: what each learned, what it kept, and which fields differ.

    'learned' is the target score, or nats per token won on the held-out rows where a run has no
    score; 'kept' is the retention index. 'front' names the columns by which no other run learned
    more and kept more at once. Each of RUNS is an id, a unique part of one, or 'last'.
    """
    from workbench.evaluation.analysis.comparison import compare, read_contestant
    from workbench.evaluation.analysis.published_results import shipped_prior
    from workbench.runs.folder import Runs

    if not runs and not sweep:
        raise click.UsageError("name at least one run, or a sweep with --sweep")
    folders = dict.fromkeys(Runs(root).find(run) for run in runs)
    if sweep:
        folders |= dict.fromkeys(_reported(Runs(root), sweep))
    comparison = compare([read_contestant(run) for run in folders])
    prior = shipped_prior() if with_prior else None
    if as_json:
        published = {"prior": prior} if prior else {}
        emit_json({**comparison.model_dump(mode="json"), **published})
    else:
        _print(comparison, prior)


def _reported(runs: Runs, sweep: str) -> list[RunFolder]:
    """The runs of a sweep that have a report; of the others it is told where they stand."""
    from workbench.core.errors import NotFoundError
    from workbench.runs.sweeps import members

    every = members(runs, sweep)
    for run in every:
        if not run.report.is_file():
            narrate(f"{run.id} is left out: no report, it is {run.status().label}")
    reported = [run for run in every if run.report.is_file()]
    if not reported:
        raise NotFoundError(f"{sweep}: none of its {len(every)} runs has a report yet")
    return reported


def _print(comparison: Comparison, prior: Prior | None) -> None:
    rows = [_row(each, comparison) for each in comparison.runs]
    if prior:
        rows += [
            (row.name, "published", _score(row.score), "", "", f"{row.delta_nll:+.3f}", "")
            for row in prior.rows
        ]
        narrate(prior.caution)
    emit_table(_COLUMNS, rows)
    if comparison.differences:
        names = ("field", *(each.run for each in comparison.runs))
        emit_table(names, [(row.field, *row.values) for row in comparison.differences])
    for note in comparison.notes:
        narrate(note)


def _row(each: Compared, comparison: Comparison) -> tuple[str, ...]:
    learned = ""
    if each.learned is not None:
        scored = comparison.learned_as == "score"
        learned = _score(each.learned) if scored else f"{each.learned:+.3f} nats"
    return (
        each.run,
        each.verdict,
        learned,
        _value(each.retention_index, ".2f"),
        _value(each.kl_general, ".3f"),
        _value(each.delta_nll, "+.3f"),
        ", ".join(_FRONTS[front] for front in each.fronts),
    )


def _score(score: float) -> str:
    return percent(score)


def _value(interval: Interval | None, form: str) -> str:
    return format(interval.value, form) if interval else ""
