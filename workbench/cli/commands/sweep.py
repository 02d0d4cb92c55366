"""``ftwb sweep``: one recipe in every combination of some fields' values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option, set_option
from workbench.cli.output import emit_json, emit_table, narrate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.recipe.grid import Combination


@click.command(
    "sweep", cls=Command, group="Runs", short_help="Queue a recipe over a grid of values."
)
@click.argument("recipe")
@click.option(
    "--grid",
    "axes",
    multiple=True,
    required=True,
    metavar="FIELD=VALUE,VALUE",
    help="Values of one field; repeat it to add a dimension.",
)
@set_option
@click.option("--dry-run", is_flag=True, help="Check every combination without starting any.")
@json_option
@click.pass_obj
def command(
    root: Path,
    recipe: str,
    axes: tuple[str, ...],
    overrides: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Queue RECIPE (a file or the name of a preset) once for every combination of --grid.

    All combinations are checked before the first run is created. 'ftwb compare --sweep ID' shows
    the results side by side.
    """
    from workbench.cli.logout_warning import warn_of_logout
    from workbench.planning.sweep_launch import check_grid, queue
    from workbench.recipe.grid import combinations
    from workbench.runs.folder import Runs

    points = check_grid(combinations(recipe, axes, overrides))
    if dry_run:
        _show_plan(points, as_json)
        return
    sweep, queued = queue(Runs(root), points)
    warn_of_logout()
    compare = f"ftwb compare --sweep {sweep}"
    narrate(f"{sweep}: {len(queued)} runs queued; compare them afterwards with: {compare}")
    if as_json:
        rows = [
            {"id": run.id, "settings": point.settings}
            for run, point in zip(queued, points, strict=True)
        ]
        emit_json({"sweep": sweep, "runs": rows, "compare": compare})
    else:
        click.echo("\n".join(run.id for run in queued))


def _show_plan(points: Sequence[Combination], as_json: bool) -> None:
    if as_json:
        emit_json([{"name": point.recipe.name, "settings": point.settings} for point in points])
    else:
        fields = tuple(points[0].settings)
        rows = [(point.recipe.name, *point.settings.values()) for point in points]
        emit_table(("name", *fields), rows)
