"""``ftwb resume``: resume a run that was stopped, failed or was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option, wait_option
from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "resume", cls=Command, group="Runs", short_help="Resume a stopped, failed or lost run."
)
@click.argument("run")
@click.option(
    "--from",
    "step",
    type=click.IntRange(min=1),
    metavar="STEP",
    help="Resume from this checkpoint [default: the newest]. Later ones are rewritten.",
)
@wait_option
@json_option
@click.pass_obj
def command(root: Path, run: str, step: int | None, wait: bool, as_json: bool) -> None:
    """Resume RUN from a checkpoint, as if it had never been interrupted.

    A stopped run always has one; 'training.save_minutes', 'training.save_steps' and
    'ftwb checkpoint' write more. Recipe and data must be those the run started with.
    """
    from workbench.cli.following import follow, raise_if_failed
    from workbench.cli.summary import summary
    from workbench.planning.resume_launch import resume
    from workbench.runs.folder import Runs

    folder = Runs(root).find(run)
    choice = resume(folder, step)
    for broken in choice.broken:
        narrate(f"{folder.id}: {broken}")
    narrate(f"{folder.id}: resumes from step {choice.step}")
    if wait:
        follow(folder)
    if as_json:
        emit_json({**summary(folder), "resumed_from": choice.step})
    if wait:
        raise_if_failed(folder)
