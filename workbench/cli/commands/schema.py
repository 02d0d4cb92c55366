"""``ftwb schema``: the fields of a recipe."""

from __future__ import annotations

import click

from workbench.cli.command import Command
from workbench.cli.output import emit_json


@click.command(
    "schema",
    cls=Command,
    group="Recipes, models and data",
    short_help="Print the JSON schema of a recipe.",
)
def command() -> None:
    """Print the JSON schema of a recipe: every field with its meaning, default and bounds."""
    from workbench.recipe.recipe import Recipe

    emit_json(Recipe.model_json_schema())
