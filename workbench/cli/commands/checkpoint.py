"""``ftwb checkpoint``: write a checkpoint of a live run now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "checkpoint", cls=Command, group="Runs", short_help="Write a checkpoint of a live run now."
)
@click.argument("run")
@click.option("--wait", is_flag=True, help="Wait until it is written, and print its path.")
@json_option
@click.pass_obj
def command(root: Path, run: str, wait: bool, as_json: bool) -> None:
    """Write a checkpoint of RUN after its current step; training continues.

    'ftwb resume' can start from it. 'ftwb evaluate --checkpoint' measures it once the run has
    ended.
    """
    from workbench.cli.request import answer_json, ask_worker
    from workbench.runs.folder import Runs

    folder = Runs(root).find(run)
    event = ask_worker(folder, "checkpoint", wait=wait, as_json=as_json)
    if event is None:
        return
    path = folder.path / event["path"]
    if as_json:
        answer_json(folder, "checkpoint", event, path=path)
    else:
        click.echo(path)
