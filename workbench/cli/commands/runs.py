"""``ftwb runs``: every run and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, emit_table, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("runs")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(root: Path, as_json: bool) -> None:
    """List the runs, newest first."""
    from workbench.cli.summary import summary
    from workbench.runs.folder import Runs

    found = [summary(run) for run in Runs(root).list()]
    if as_json:
        emit_json(found)
    elif not found:
        narrate(f"no runs in {root} yet; 'ftwb train lora' starts one, 'ftwb demo' shows the story")
    else:
        emit_table(
            ("run", "state", "step", "model", "strategy", "loss"),
            [
                (
                    row["id"],
                    row["standing"],
                    f"{row['step']}/{row['total']}",
                    row["model"],
                    row["strategy"],
                    "" if row["loss"] is None else f"{row['loss']:.3f}",
                )
                for row in found
            ],
        )
