"""``ftwb runs``: all runs and their states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, emit_table, narrate

if TYPE_CHECKING:
    from pathlib import Path


_BAND = ("verdict", "learned", "leak", "KL")
"""What the table shows of the findings of runs that have a report."""

_ERROR = ("what is wrong",)
"""The last column, where a folder is damaged or private."""


@click.command("runs", cls=Command, group="Runs", short_help="List the runs, newest first.")
@json_option
@click.pass_obj
def command(root: Path, as_json: bool) -> None:
    """List the runs with their states, newest first, and what was found in those with a report."""
    list_runs(root, as_json=as_json)


def list_runs(root: Path, *, as_json: bool) -> None:
    """Print the runs below ``root``."""
    from workbench.cli.summary import judged, summary
    from workbench.runs.folder import Runs

    rows = []
    for run in Runs(root).list():
        values, (band, unjudged) = summary(run), judged(run)
        rows.append({**values, "band": band, "error": values["error"] or unjudged})
    if as_json:
        emit_json(rows)
    elif not rows:
        narrate(f"no runs in {root} yet; start one with 'ftwb train lora', or try 'ftwb demo'")
    else:
        labels = _BAND if any(row["band"] for row in rows) else ()
        damaged = any(row["error"] for row in rows)
        emit_table(
            ("run", "state", "step", "model", "strategy", "loss", *labels, *_ERROR[:damaged]),
            [
                (
                    row["id"],
                    row["standing"],
                    f"{row['step']}/{row['total']}",
                    row["model"],
                    row["strategy"],
                    "" if row["loss"] is None else f"{row['loss']:.3f}",
                    *(row["band"].get(label, "") for label in labels),
                    *[row["error"]][:damaged],
                )
                for row in rows
            ],
        )
