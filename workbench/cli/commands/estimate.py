"""``ftwb estimate``: what a run would do."""

from __future__ import annotations

import sys

import click

from workbench.cli.output import emit_json, emit_table


@click.command("estimate")
@click.argument("recipe")
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print steps, tokens and trainable parameters of RECIPE (a file, a preset, or - for stdin)."""
    from workbench.recipe import storage
    from workbench.training.preflight import resolve, with_tokens

    if recipe == "-":
        values = storage.parse(sys.stdin.read(), source="stdin")
        loaded = storage.validate(storage.override(values, overrides), source="stdin")
    else:
        loaded = storage.load_file(recipe, overrides)
    plan = with_tokens(resolve(loaded))
    if as_json:
        emit_json({**plan.model_dump(), "share": plan.share})
        return
    emit_table(
        ("what", "value"),
        [
            ("trains", f"{plan.trainable:,} of {plan.parameters:,} ({plan.share:.2%})"),
            ("rows", f"{plan.rows:,}"),
            ("steps", f"{plan.steps:,}"),
            ("tokens", f"{plan.tokens:,}"),
            *(("note", note) for note in plan.notes),
        ],
    )
