"""``ftwb stop``: end a run early and keep what it learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("stop")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(root: Path, run: str, as_json: bool) -> None:
    """Ask RUN to stop after the step it is in; its result is saved. A queued one never starts."""
    from workbench.cli.summary import summary
    from workbench.runs.control import send_request
    from workbench.runs.folder import Runs

    found = Runs(root).find(run)
    waits = found.status().state in ("queued", "lost")
    send_request(found, "stop")
    if waits:
        narrate(f"{found.id}: taken out of the queue")
    else:
        narrate(f"{found.id}: asked to stop; what it has learned is saved first")
    if as_json:
        emit_json(summary(found))
