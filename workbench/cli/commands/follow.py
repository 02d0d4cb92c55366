"""``ftwb follow``: follow a run in any terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json

if TYPE_CHECKING:
    from pathlib import Path


@click.command("follow", cls=Command, group="Runs", short_help="Follow a run until it ends.")
@click.argument("run")
@json_option
@click.pass_obj
def command(root: Path, run: str, as_json: bool) -> None:
    """Follow RUN until it ends; ^C stops following, not the run.

    With --json, print how the run ended.
    """
    from workbench.cli.following import follow, raise_if_failed
    from workbench.cli.summary import summary
    from workbench.runs.folder import Runs

    folder = Runs(root).find(run)
    follow(folder)
    if as_json:
        emit_json(summary(folder))
    raise_if_failed(folder)
