"""``ftwb queue``: the runs that wait for a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, emit_table, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("queue")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(root: Path, as_json: bool) -> None:
    """List the runs that wait for a device; those that a reboot or a kill threw out wait again.

    No daemon watches the queue: after a reboot it goes on when the workbench is opened, a run is
    launched, or this command is called, for example by '@reboot ftwb queue' in a crontab.
    """
    from workbench.runs.folder import Runs
    from workbench.runs.launch import relaunch

    runs = Runs(root)
    again = relaunch(runs)
    for run in again:
        narrate(f"{run.id}: queued again")
    found = [(run.id, run.status()) for run in runs.list()]
    waiting = sorted(
        ((name, status) for name, status in found if status.state == "queued" and status.pid),
        key=lambda pair: (pair[1].device, pair[1].queue_position, pair[1].created),
    )
    rows = [(name, status.queue_position, status.device) for name, status in waiting]
    if as_json:
        emit_json([{"id": run, "place": place, "device": device} for run, place, device in rows])
    elif rows:
        emit_table(("run", "place", "waits for"), [(run, n or "", at) for run, n, at in rows])
    else:
        narrate(f"no run waits in {root}")
