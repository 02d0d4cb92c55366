"""``ftwb gate``: whether a run may be deployed, as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "gate", cls=Command, group="Evaluation", short_help="Turn a run's verdict into an exit code."
)
@click.argument("run")
@click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="POINTS",
    help="Largest loss in percentage points that still counts as kept, for every capability "
    "[default: 10 quick, 5 standard, 3 full, and up to 10 for small suites].",
)
@json_option
@click.pass_context
def command(context: click.Context, run: str, margin: float | None, as_json: bool) -> None:
    """Judge RUN by its report: an id, a unique part of one, or 'last'.

    Exit codes: 0 PASS, every capability is kept. 1 FAIL, a capability is lost. 2 INCONCLUSIVE, too
    little was measured to decide. 3 ERROR, there is no report to judge, or the call is invalid.
    """
    from workbench.evaluation.analysis.gate import decide
    from workbench.runs.folder import Runs

    root: Path = context.obj
    decision = decide(Runs(root), run, None if margin is None else margin / 100)
    if as_json:
        emit_json(decision)
    elif decision.verdict == "ERROR":
        narrate(f"ftwb: {decision.sentence}")
    else:
        from workbench.cli.report_page import show_decision

        show_decision(decision.verdict, decision.run, decision.sentence, decision.capabilities)
    context.exit(decision.exit_code)
