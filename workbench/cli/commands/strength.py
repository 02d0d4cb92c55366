"""``ftwb strength``: a result between base and tuned model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "strength",
    cls=Command,
    group="Evaluation",
    short_help="Save a result interpolated towards the base.",
)
@click.argument("run")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 2),
    required=True,
    help="0 is the base, 1 the result as trained; above 1 extrapolates.",
)
@json_option
@click.pass_obj
def command(root: Path, run: str, alpha: float, as_json: bool) -> None:
    """Save the result of RUN at another strength as a new run, and print its id.

    Its weights are base + alpha * (tuned - base), for strategies that change weights. A lower
    strength keeps more of the base and less of the task; 'ftwb sweep-strength' measures how much.
    """
    from workbench.cli.summary import summary
    from workbench.interpolation.strength import save_at_strength
    from workbench.runs.folder import Runs

    runs = Runs(root)
    scaled = save_at_strength(
        runs, runs.find(run), alpha, lambda text, _done, _total: narrate(text)
    )
    if as_json:
        emit_json(summary(scaled))
    else:
        click.echo(scaled.id)
