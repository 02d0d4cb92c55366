"""``ftwb follow``: watch a run from any terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


@click.command("follow")
@click.argument("run")
@click.pass_obj
def command(root: Path, run: str) -> None:
    """Follow RUN until it ends; ^C stops following, not the run."""
    from workbench.cli.following import follow, raise_if_failed
    from workbench.runs.folder import Runs

    found = Runs(root).find(run)
    follow(found)
    raise_if_failed(found)
