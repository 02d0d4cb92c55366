"""``ftwb schema``: what a recipe may contain."""

from __future__ import annotations

import click

from workbench.cli.output import emit_json


@click.command("schema")
def command() -> None:
    """Print the JSON schema of a recipe."""
    from workbench.recipe.recipe import Recipe

    emit_json(Recipe.model_json_schema())
