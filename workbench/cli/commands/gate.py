"""``ftwb gate``: may this run be deployed, as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import emit_json, narrate
from workbench.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

_ERROR = 3


class _WrongCall(click.UsageError):
    """A usage error that is not mistaken for a verdict: the parser's own exit code is 2."""

    exit_code = _ERROR


class _Gate(click.Command):
    """A command that fails closed from its first word on."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the words behind the command's name."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _WrongCall(error.format_message(), error.ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; a gate that breaks has not passed, nor found anything lost."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException):
            raise
        except Exception as error:
            raise MachineError(f"the gate broke: {type(error).__name__}: {error}") from error


@click.command("gate", cls=_Gate)
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
    from workbench.probes.gate import decide
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
