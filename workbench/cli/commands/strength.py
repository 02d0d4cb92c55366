"""``ftwb strength``: a result between base and tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("strength")
@click.argument("run")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 2),
    required=True,
    help="0 is the base, 1 the result as trained; above 1 goes beyond it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the new run as JSON.")
@click.pass_obj
def command(root: Path, run: str, alpha: float, as_json: bool) -> None:
    """Save the result of RUN at another strength, as a run of its own, and print its id.

    The weights become base + alpha (tuned - base); for strategies that change weights. Lower
    strengths remember more of the base and less of the task: chat with the new run to see.
    """
    from workbench.cli.summary import summary
    from workbench.interpolation.strength import save_at_strength
    from workbench.runs.folder import Runs

    runs = Runs(root)
    scaled = save_at_strength(
        runs, runs.find(run), alpha, lambda what, _done, _total: narrate(what)
    )
    if as_json:
        emit_json(summary(scaled))
    else:
        click.echo(scaled.id)
