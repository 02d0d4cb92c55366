"""``ftwb evaluate``: measure a run again, or for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from workbench.cli.output import emit_json, narrate
from workbench.recipe.evaluation import SuiteSize

if TYPE_CHECKING:
    from pathlib import Path


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
@click.option("--json", "as_json", is_flag=True, help="Print the evidence as JSON.")
@click.pass_obj
def command(
    root: Path, run: str, size: SuiteSize | None, checkpoint: int | None, as_json: bool
) -> None:
    """Measure the untouched base and the result of RUN, and write the run's report anew.

    The base is measured only where that was not done before at this size. The report of a
    checkpoint stands in the checkpoint's folder. 'ftwb report' tells what came out.
    """
    from workbench.cli.progress import progress
    from workbench.probes.report import read_report_file
    from workbench.runs.folder import Runs
    from workbench.training.remeasure import remeasure

    found = Runs(root).find(run)
    with progress() as report:
        file = remeasure(found, report, size, checkpoint)
    written = read_report_file(file)
    for note in written.notes:
        narrate(note)
    narrate(f"{file} written")
    if as_json:
        emit_json(written)
    else:
        click.echo(found.id)
