"""``ftwb show``: everything about one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, emit_table

if TYPE_CHECKING:
    from pathlib import Path


@click.command("show", cls=Command, group="Runs", short_help="Show the state of one run.")
@click.argument("run")
@json_option
@click.pass_obj
def command(root: Path, run: str, as_json: bool) -> None:
    """Show the state of RUN: an id, a unique part of one, or 'last'.

    With --json, also its recipe, memory, recent notices and report.
    """
    from workbench.cli.summary import details
    from workbench.runs.folder import Runs

    values = details(Runs(root).find(run))
    if as_json:
        emit_json(values)
    else:
        flat = {key: value for key, value in values.items() if not isinstance(value, (dict, list))}
        emit_table(("field", "value"), flat.items())
