"""``ftwb train``: start a run in the background, or wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option, set_option, wait_option
from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path


@click.command("train", cls=Command, group="Runs", short_help="Start a run in the background.")
@click.argument("recipe")
@set_option
@wait_option
@json_option
@click.pass_obj
def command(root: Path, recipe: str, overrides: tuple[str, ...], wait: bool, as_json: bool) -> None:
    """Train RECIPE (a file or the name of a preset) in a worker that outlives this terminal.

    Exit code with --wait: 0 when the run finished or was stopped, 1 when it failed or was lost.
    """
    from workbench.cli.following import follow, raise_if_failed
    from workbench.cli.logout_warning import warn_of_logout
    from workbench.cli.summary import summary
    from workbench.planning.preflight import preflight, resolve_paths
    from workbench.recipe import yaml_io
    from workbench.runs.folder import Runs
    from workbench.runs.launch import launch

    resolved = resolve_paths(yaml_io.load_file(recipe, overrides))
    plan = preflight(resolved)
    run = Runs(root).create(resolved)
    pid = launch(run)
    narrate(
        f"{run.id}: {plan.steps} steps, {plan.trainable:,} of {plan.parameters:,} parameters; "
        f"worker {pid}"
    )
    for note in plan.notes:
        narrate(f"note: {note}")
    warn_of_logout()
    if wait:
        follow(run)
    if as_json:
        emit_json(summary(run))
    elif not wait:
        click.echo(run.id)
    if wait:
        raise_if_failed(run)
