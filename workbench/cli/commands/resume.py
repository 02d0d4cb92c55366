"""``ftwb resume``: let a run go on that was stopped, failed or was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("resume")
@click.argument("run")
@click.option(
    "--from",
    "step",
    type=click.IntRange(min=1),
    metavar="STEP",
    help="Go on from this checkpoint, not from the newest; later ones are made anew.",
)
@click.option("--wait", is_flag=True, help="Stay until it ends; ^C leaves it running.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(root: Path, run: str, step: int | None, wait: bool, as_json: bool) -> None:
    """Let RUN go on from a checkpoint, as if it had never been interrupted.

    A run that is stopped has one; 'training.save_minutes', 'training.save_steps' and
    'ftwb checkpoint' write more. The recipe and the data must be those it started with.
    """
    from workbench.cli.following import follow, raise_if_failed
    from workbench.cli.summary import summary
    from workbench.planning.resume_launch import resume
    from workbench.runs.folder import Runs

    found = Runs(root).find(run)
    choice = resume(found, step)
    for broken in choice.broken:
        narrate(f"{found.id}: {broken}")
    narrate(f"{found.id}: goes on from step {choice.step}")
    if wait:
        follow(found)
    if as_json:
        emit_json({**summary(found), "resumed_from": choice.step})
    if wait:
        raise_if_failed(found)
