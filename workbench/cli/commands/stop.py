"""``ftwb stop``: end a run early and keep its result."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder


@click.command(
    "stop", cls=Command, group="Runs", short_help="Stop a run after its step and save its result."
)
@click.argument("run")
@click.option(
    "--kill",
    is_flag=True,
    help="Kill a worker that does not respond, after asking it in vain; checkpoints are kept.",
)
@json_option
@click.pass_obj
def command(root: Path, run: str, kill: bool, as_json: bool) -> None:
    """Stop RUN after its current step and save its result. A queued run never starts.

    A worker that is suspended or hangs cannot save: with --kill, or where a terminal can be asked,
    it is killed, and the run can be resumed from its newest checkpoint.
    """
    from workbench.cli.request import stays_silent
    from workbench.cli.summary import summary
    from workbench.runs.control import send_request
    from workbench.runs.folder import Runs

    folder = Runs(root).find(run)
    queued = folder.status().state in ("queued", "lost")
    send_request(folder, "stop")
    if queued:
        narrate(f"{folder.id}: removed from the queue")
    else:
        narrate(f"{folder.id}: asked to stop; its result is saved first")
        if stays_silent(folder):
            _offer_kill(folder, kill=kill)
    if as_json:
        emit_json(summary(folder))


def _offer_kill(run: RunFolder, *, kill: bool) -> None:
    from workbench.runs.control import kill_worker, what_is_left

    narrate(f"{run.id}: {run.status().explanation}")
    question = f"Kill its worker? The run can be resumed ({what_is_left(run)})."
    if kill or (sys.stdin.isatty() and click.confirm(question, err=True)):
        narrate(f"{run.id}: killed; {kill_worker(run)}")
    else:
        narrate(f"{run.id}: 'ftwb stop {run.id} --kill' kills it; {what_is_left(run)}")
