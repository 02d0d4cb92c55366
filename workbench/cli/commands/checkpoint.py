"""``ftwb checkpoint``: keep a live run as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


@click.command("checkpoint")
@click.argument("run")
@click.option("--wait", is_flag=True, help="Stay until it is written, and print where it is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(root: Path, run: str, wait: bool, as_json: bool) -> None:
    """Ask RUN for a checkpoint after the step it is in; training goes on.

    'ftwb resume' goes on from it, 'ftwb evaluate --checkpoint' measures it once the run has ended.
    """
    from workbench.cli.request import answer_json, ask_worker
    from workbench.runs.folder import Runs

    found = Runs(root).find(run)
    event = ask_worker(found, "checkpoint", wait=wait, as_json=as_json)
    if event is None:
        return
    path = found.path / event["path"]
    if as_json:
        answer_json(found, "checkpoint", event, path=path)
    else:
        click.echo(path)
