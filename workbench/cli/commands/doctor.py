"""``ftwb doctor``: checks this machine, or bundles what a bug report needs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command
from workbench.cli.output import emit_json, emit_table, narrate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.hardware.check import Check
    from workbench.runs.folder import RunFolder

FAILED = 3


@click.command(
    "doctor", cls=Command, group="Setup", short_help="Check this machine, or bundle a bug report."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a zip for a bug report, without tokens, home paths, prompts and answers.",
)
@click.option("--run", "name", default="last", show_default=True, help="The run in the bundle.")
@click.pass_context
def command(context: click.Context, as_json: bool, bundle: Path | None, name: str) -> None:
    """Check Python, packages, device, disk, terminal, login and network; exit 3 on a failure."""
    from workbench.hardware.doctor import examine

    root: Path = context.obj
    checks = list(examine(root))
    if bundle is not None:
        _bundle(bundle, _run(root, name), checks, as_json)
        return
    if as_json:
        emit_json([asdict(check) for check in checks])
    else:
        emit_table(
            ("state", "check", "finding", "what to do"),
            [(check.state, check.name, check.message, check.remedy) for check in checks],
        )
    if any(check.state == "fail" for check in checks):
        context.exit(FAILED)


def _run(root: Path, name: str) -> RunFolder | None:
    """The run to bundle; None if there are no runs yet."""
    from workbench.runs.folder import Runs

    runs = Runs(root)
    return None if name == "last" and not runs.list() else runs.find(name)


def _bundle(path: Path, run: RunFolder | None, checks: Sequence[Check], as_json: bool) -> None:
    """Write the bundle and list its content."""
    from workbench.cli.bundle import gather, write

    parts = gather(run, checks)
    write(path, parts)
    sizes = {name: len(text.encode()) for name, text in parts.items()}
    if as_json:
        emit_json({"bundle": str(path), "run": run.id if run else None, "bytes": sizes})
        return
    emit_table(("in the bundle", "bytes"), list(sizes.items()))
    of_run = f" for {run.id}" if run else ""
    narrate(f"{path} written{of_run}: check its content before you send it")
