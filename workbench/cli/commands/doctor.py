"""``ftwb doctor``: what on this machine could go wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, emit_table

if TYPE_CHECKING:
    from pathlib import Path

FAILED = 3


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Look at Python, packages, device, disk, terminal, login and network; exit 3 on a failure."""
    from workbench.hardware.doctor import examine

    root: Path = context.obj
    checks = list(examine(root))
    if as_json:
        emit_json([asdict(check) for check in checks])
    else:
        emit_table(
            ("state", "check", "finding", "what to do"),
            [(check.state, check.name, check.says, check.remedy) for check in checks],
        )
    if any(check.state == "fail" for check in checks):
        context.exit(FAILED)
