"""``ftwb evaluate``: measure a run again, for the first time, or while it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from workbench.cli.command import Command
from workbench.cli.output import emit_json, narrate
from workbench.recipe.evaluation import SuiteSize

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder


@click.command(
    "evaluate", cls=Command, group="Evaluation", short_help="Measure a run, finished or live."
)
@click.argument("run")
@click.option(
    "--size",
    type=click.Choice(get_args(SuiteSize)),
    help="Size of the probe suites [default: as in the recipe].",
)
@click.option(
    "--checkpoint", type=int, metavar="STEP", help="Measure this checkpoint, not the result."
)
@click.option("--wait", is_flag=True, help="Wait for the answer of a live run.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON.")
@click.pass_obj
def command(
    root: Path,
    run: str,
    size: SuiteSize | None,
    checkpoint: int | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Measure the untouched base and the result of RUN, and rewrite the run's report.

    The base is measured only if it has not been measured at this size before. The report of a
    checkpoint is written to the checkpoint's folder. 'ftwb report' shows the outcome.

    A live run measures itself after its current step: held-out loss, KL to the base, and canaries.
    """
    from workbench.core.errors import BadInputError
    from workbench.runs.folder import Runs

    folder = Runs(root).find(run)
    if not folder.status().live:
        _measure(folder, size, checkpoint, as_json)
    elif size or checkpoint is not None:
        raise BadInputError(
            f"{folder.id} is {folder.status().state}: --size and --checkpoint need a run that has "
            "ended; leave them out to measure what it has learned so far"
        )
    else:
        _ask_worker(folder, wait, as_json)


def _measure(run: RunFolder, size: SuiteSize | None, checkpoint: int | None, as_json: bool) -> None:
    """Measure a run that has ended."""
    from workbench.cli.progress import progress
    from workbench.evaluation.report import read_report_file
    from workbench.evaluation.run.reevaluate import reevaluate

    with progress() as report:
        file = reevaluate(run, report, size, checkpoint)
    written = read_report_file(file)
    for note in written.notes:
        narrate(note)
    narrate(f"{file} written")
    if as_json:
        emit_json(written)
    else:
        click.echo(run.id)


def _ask_worker(run: RunFolder, wait: bool, as_json: bool) -> None:
    """Let the worker of a live run measure."""
    from workbench.cli.request import answer_json, ask_worker

    event = ask_worker(run, "evaluate", wait=wait, as_json=as_json)
    if event is None:
        return
    measured = {name: event[name] for name in ("loss", "kl")}
    if as_json:
        answer_json(run, "evaluate", event, **measured)
        return
    for name, value in measured.items():
        if value is not None:
            click.echo(f"{name} {value:.4f}")
