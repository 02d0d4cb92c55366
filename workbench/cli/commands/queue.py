"""``ftwb queue``: the runs that are waiting for a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, emit_table, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("queue", cls=Command, group="Runs", short_help="List the runs waiting for a device.")
@json_option
@click.pass_obj
def command(root: Path, as_json: bool) -> None:
    """List the runs that are waiting for a device, and requeue those lost to a reboot or a kill.

    No daemon watches the queue. After a reboot it resumes when the workbench opens, when a run is
    launched, or when this command is called, for example by '@reboot ftwb queue' in a crontab.
    """
    from workbench.runs.folder import Runs
    from workbench.runs.launch import relaunch

    runs = Runs(root)
    for run in relaunch(runs):
        narrate(f"{run.id}: requeued")
    statuses = [(run.id, run.status()) for run in runs.list()]
    waiting = sorted(
        ((name, status) for name, status in statuses if status.state == "queued" and status.pid),
        key=lambda pair: (pair[1].device, pair[1].queue_position, pair[1].created),
    )
    rows = [(name, status.queue_position, status.device) for name, status in waiting]
    if as_json:
        emit_json([{"id": name, "place": place, "device": device} for name, place, device in rows])
    elif rows:
        emit_table(
            ("run", "place", "waiting for"),
            [(name, place or "", device) for name, place, device in rows],
        )
    else:
        narrate(f"no run is waiting in {root}")
