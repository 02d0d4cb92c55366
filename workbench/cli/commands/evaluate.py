"""``ftwb evaluate``: measure a run again, for the first time, or while it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from workbench.cli.output import emit_json, narrate
from workbench.recipe.evaluation import SuiteSize

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder


@click.command("evaluate")
@click.argument("run")
@click.option(
    "--size",
    type=click.Choice(get_args(SuiteSize)),
    help="How much of the probe suites is asked [default: as the recipe says].",
)
@click.option(
    "--checkpoint", type=int, metavar="STEP", help="Measure this checkpoint, not the result."
)
@click.option("--wait", is_flag=True, help="Stay until a live run has answered.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as JSON.")
@click.pass_obj
def command(
    root: Path,
    run: str,
    size: SuiteSize | None,
    checkpoint: int | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Measure the untouched base and the result of RUN, and write the run's report anew.

    The base is measured only where that was not done before at this size. The report of a
    checkpoint stands in the checkpoint's folder. 'ftwb report' tells what came out.

    A live run is asked to measure itself after the step it is in: its held-out loss, its KL to the
    base, and the canaries.
    """
    from workbench.core.errors import BadInputError
    from workbench.runs.folder import Runs

    found = Runs(root).find(run)
    if not found.status().live:
        _measure(found, size, checkpoint, as_json)
    elif size or checkpoint is not None:
        raise BadInputError(
            f"{found.id} is {found.status().state}: --size and --checkpoint are for a run that has "
            "ended; without them its worker measures what it has learned so far"
        )
    else:
        _ask(found, wait, as_json)


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


def _ask(run: RunFolder, wait: bool, as_json: bool) -> None:
    """Let the worker of a live run measure."""
    from workbench.cli.request import answer_json, ask_worker

    event = ask_worker(run, "evaluate", wait=wait, as_json=as_json)
    if event is None:
        return
    found = {name: event[name] for name in ("loss", "kl")}
    if as_json:
        answer_json(run, "evaluate", event, **found)
        return
    for name, value in found.items():
        if value is not None:
            click.echo(f"{name} {value:.4f}")
