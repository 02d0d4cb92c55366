"""``ftwb show``: one run, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, emit_table

if TYPE_CHECKING:
    from pathlib import Path


@click.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(root: Path, run: str, as_json: bool) -> None:
    """Show where RUN stands: its id, a unique part of it, or 'last'."""
    from workbench.cli.summary import details
    from workbench.runs.folder import Runs

    shown = details(Runs(root).find(run))
    if as_json:
        emit_json(shown)
    else:
        flat = {key: value for key, value in shown.items() if not isinstance(value, (dict, list))}
        emit_table(("what", "value"), flat.items())
