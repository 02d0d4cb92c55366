"""``ftwb continue``: continue a run that is paused over its KL budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "continue", cls=Command, group="Runs", short_help="Continue a run paused over its KL budget."
)
@click.argument("run")
@json_option
@click.pass_obj
def command(root: Path, run: str, as_json: bool) -> None:
    """Continue RUN, which is paused over its KL budget. To end it instead, use 'ftwb stop'."""
    from workbench.cli.summary import summary
    from workbench.runs.control import send_request
    from workbench.runs.folder import Runs

    folder = Runs(root).find(run)
    send_request(folder, "continue")
    narrate(f"{folder.id}: continues; its budget will not pause it again")
    if as_json:
        emit_json(summary(folder))
