"""``ftwb presets``: the shipped recipes to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, emit_table

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe


@click.command(
    "presets",
    cls=Command,
    group="Recipes, models and data",
    short_help="List the recipes to start from, or print one.",
)
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the recipes to start from, or print NAME: 'ftwb presets lora > my.yaml'."""
    if name:
        _print(name, as_json=as_json)
    else:
        _list(as_json=as_json)


def _list(*, as_json: bool) -> None:
    from workbench.recipe import yaml_io

    recipes = {name: yaml_io.load_file(path) for name, path in yaml_io.presets().items()}
    if as_json:
        emit_json([_entry(name, recipe) for name, recipe in recipes.items()])
    else:
        rows = [_row(name, recipe) for name, recipe in recipes.items()]
        emit_table(("preset", "strategy", "protections", "description"), rows)


def _print(name: str, *, as_json: bool) -> None:
    from workbench.recipe import yaml_io

    recipe = yaml_io.load_file(name)
    if as_json:
        emit_json(recipe.model_dump(mode="json"))
    else:
        click.echo(yaml_io.dump(recipe), nl=False)


def _entry(name: str, recipe: Recipe) -> dict[str, object]:
    return {
        "name": name,
        "description": recipe.description,
        "strategy": recipe.strategy.kind,
        "retention": list(recipe.retention.active()),
    }


def _row(name: str, recipe: Recipe) -> tuple[str, str, str, str]:
    protections = ", ".join(recipe.retention.active())
    return name, recipe.strategy.kind, protections, recipe.description
