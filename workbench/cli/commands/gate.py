"""``ftwb gate``: may this run be deployed, as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("gate")
@click.argument("run")
@click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="POINTS",
    help="Loss in percentage points that is still called kept, for every capability "
    "[default: 10 quick, 5 standard, 3 full, and up to 10 for suites of few items].",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, run: str, margin: float | None, as_json: bool) -> None:
    """Judge RUN by its report: its id, a unique part of it, or 'last'.

    Exit codes: 0 PASS, every capability is kept. 1 FAIL, one is lost. 2 INCONCLUSIVE, too little
    was measured to say. 3 ERROR, there is no report that could be judged, or the call is wrong.
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
