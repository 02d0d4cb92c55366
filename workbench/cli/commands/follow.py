"""``ftwb follow``: watch a run from any terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json

if TYPE_CHECKING:
    from pathlib import Path


@click.command("follow")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(root: Path, run: str, as_json: bool) -> None:
    """Follow RUN until it ends; ^C stops following, not the run.

    With --json it tells how the run ended.
    """
    from workbench.cli.following import follow, raise_if_failed
    from workbench.cli.summary import summary
    from workbench.runs.folder import Runs

    found = Runs(root).find(run)
    follow(found)
    if as_json:
        emit_json(summary(found))
    raise_if_failed(found)
