"""``ftwb continue``: let a run that waits go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("continue")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(root: Path, run: str, as_json: bool) -> None:
    """Let RUN go on past its forgetting budget; 'ftwb stop' is the other answer."""
    from workbench.cli.summary import summary
    from workbench.runs.control import send_request
    from workbench.runs.folder import Runs

    found = Runs(root).find(run)
    send_request(found, "continue")
    narrate(f"{found.id}: goes on; its budget does not ask again")
    if as_json:
        emit_json(summary(found))
