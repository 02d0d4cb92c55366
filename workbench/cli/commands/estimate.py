"""``ftwb estimate``: the size and the risk of a run, before it starts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option, set_option
from workbench.cli.output import emit_json, emit_table
from workbench.core.formatting import number, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.planning.plan import Plan
    from workbench.planning.risk import Risk


@click.command(
    "estimate",
    cls=Command,
    group="Recipes, models and data",
    short_help="Estimate the size and the risk of a run.",
)
@click.argument("recipe")
@set_option
@json_option
def command(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print steps, tokens, trainable parameters and risk of forgetting of RECIPE.

    RECIPE is a file, the name of a preset, or - for stdin. No weights are loaded.
    """
    from workbench.planning.estimate import estimate
    from workbench.planning.preflight import resolve_paths
    from workbench.planning.risk_check import ranking_quality
    from workbench.recipe import yaml_io

    if recipe == "-":
        values = yaml_io.parse(sys.stdin.read(), source="stdin")
        loaded = yaml_io.validate(yaml_io.override(values, overrides), source="stdin")
    else:
        loaded = yaml_io.load_file(recipe, overrides)
    plan = estimate(resolve_paths(loaded))
    if as_json:
        emit_json({**plan.model_dump(), "share": plan.share, "risk_check": ranking_quality()})
        return
    emit_table(
        ("", "value"),
        [
            ("trains", f"{plan.trainable:,} of {plan.parameters:,} ({percent(plan.share, 2)})"),
            ("rows", f"{plan.rows:,}"),
            ("steps", f"{plan.steps:,}"),
            ("tokens", f"{plan.tokens:,}{_replayed(plan)}"),
            *(("learning rate", str(rate)) for rate in (plan.learning_rate,) if rate),
            *(("note", note) for note in plan.notes),
            *(_risk_rows(plan.risk) if plan.risk else ()),
            ("score checked", ranking_quality()),
        ],
    )


def _replayed(plan: Plan) -> str:
    return f", about {plan.replayed:,} of them replayed" if plan.replayed else ""


def _risk_rows(risk: Risk) -> Iterator[tuple[str, str]]:
    """The risk of forgetting, its reasons, and what would lower it."""
    expected = f"KL to base about {number(risk.expected_kl, 2)} nats per token"
    yield "risk of forgetting", f"{risk.level.upper()} ({expected})"
    for reason in risk.reasons:
        text = f"{reason.text}: {reason.detail}" if reason.detail else reason.text
        yield _factor(reason.points), text
    for remedy in risk.remedies:
        switches = " ".join(f"--set {setting}" for setting in remedy.settings)
        yield "lower it with", f"{remedy.text} ({_factor(-remedy.saves)}): {switches}"


def _factor(points: float) -> str:
    """A power of ten as a factor: 0.3 as ``x 2``."""
    return f"x {number(10**points, 2)}"
