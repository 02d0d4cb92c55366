"""``ftwb stop``: end a run early and keep its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "stop", cls=Command, group="Runs", short_help="Stop a run after its step and save its result."
)
@click.argument("run")
@json_option
@click.pass_obj
def command(root: Path, run: str, as_json: bool) -> None:
    """Stop RUN after its current step and save its result. A queued run never starts."""
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
    if as_json:
        emit_json(summary(folder))
