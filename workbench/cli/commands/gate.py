"""``ftwb gate``: whether a run may be deployed, as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.decorators import FC


def _limit(name: str, unit: str, text: str) -> Callable[[FC], FC]:
    """An option that overrides a limit of the recipe; points become a share."""

    def share(
        _context: click.Context, _option: click.Parameter, value: float | None
    ) -> float | None:
        return value if value is None or unit != "POINTS" else value / 100

    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        type=click.FloatRange(0, 100, min_open=True),
        metavar=unit,
        callback=share,
        help=text,
    )


@click.command(
    "gate", cls=Command, group="Evaluation", short_help="Turn a run's verdict into an exit code."
)
@click.argument("run")
@click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="POINTS",
    help="Largest loss in percentage points that still counts as kept, for every capability and "
    "for all items together [default: 15 for a capability of up to 100 items and less for more; "
    "10 over all items at quick, 5 at standard and 3 at full].",
)
@_limit("capability", "POINTS", "The same for each capability alone.")
@_limit("pooled", "POINTS", "The same for all items of knowledge and behaviour together.")
@_limit(
    "domain_leak",
    "POINTS",
    "Largest rise of the share of general answers with phrases of the training answers.",
)
@_limit("kl_opening", "NATS", "Largest KL to the base at the first token of general answers.")
@_limit("kl_body", "NATS", "Largest KL to the base over the other tokens of general text.")
@_limit("delta_nll", "NATS", "Largest rise of the loss on general text.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    /,
    run: str,
    margin: float | None,
    as_json: bool,
    **limits: float | None,
) -> None:
    """Judge RUN by its report: an id, a unique part of one, or 'last'.

    FAIL where a limit is proven to be exceeded, PASS where everything that was measured is shown to
    be within its limit. Without an option, a limit is that of the recipe (evaluation.limits).

    Exit codes: 0 PASS. 1 FAIL. 2 INCONCLUSIVE, too little was measured to decide. 3 ERROR, there is
    no report to judge, or the call is invalid.
    """
    from workbench.evaluation.analysis.gate import decide
    from workbench.runs.folder import Runs

    root: Path = context.obj
    overrides = {name: value for name, value in limits.items() if value is not None}
    decision = decide(Runs(root), run, None if margin is None else margin / 100, overrides)
    if as_json:
        emit_json(decision)
    elif decision.verdict == "ERROR":
        narrate(f"ftwb: {decision.sentence}")
    else:
        from workbench.cli.report_page import show_decision

        show_decision(decision)
    context.exit(decision.exit_code)
