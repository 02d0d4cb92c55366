"""``ftwb slurm``: a run over several machines, as a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json, narrate

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.slurm import Job


@click.command("slurm")
@click.argument("recipe")
@click.option("--nodes", type=click.IntRange(min=1), default=1, show_default=True, help="Machines.")
@click.option(
    "--gpus", type=click.IntRange(min=0), default=1, show_default=True, help="GPUs on each of them."
)
@click.option("--partition", metavar="NAME", help="As sbatch takes it.")
@click.option("--time", metavar="TIME", help="As sbatch takes it, such as 12:00:00.")
@click.option("--account", metavar="NAME", help="As sbatch takes it.")
@click.option(
    "--option", "more", multiple=True, metavar="NAME=VALUE", help="Any other of sbatch's."
)
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field.")
@click.option("--submit", "now", is_flag=True, help="Hand it to sbatch.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    root: Path,
    /,
    recipe: str,
    nodes: int,
    gpus: int,
    more: tuple[str, ...],
    overrides: tuple[str, ...],
    now: bool,
    as_json: bool,
    **named: str | None,
) -> None:
    """Make a run of RECIPE (file or preset) for SLURM, and the script that starts it.

    A process on each GPU: 'devices.count' becomes nodes x GPUs. The script starts torchrun on every
    node, and the runs folder must be on a file system that all of them share.
    """
    from workbench.planning.preflight import preflight, resolve_paths
    from workbench.recipe import yaml_io
    from workbench.runs.folder import Runs
    from workbench.runs.slurm import Job, submit, write_script

    asked = tuple((name, value) for name, value in named.items() if value is not None)
    job = Job(nodes, gpus, max(1, gpus), (*asked, *map(_option, more)))
    count = f"devices.count={nodes * job.processes}"
    resolved = resolve_paths(yaml_io.load_file(recipe, (*overrides, count)))
    plan = preflight(resolved)
    run = Runs(root).create(resolved)
    path = write_script(run, job)
    narrate(f"{run.id}: {plan.steps} steps on {_words(job)}")
    number = submit(run, path) if now else None
    if number is None:
        narrate(f"start it with: sbatch {path}")
    if as_json:
        emit_json({"id": run.id, "script": path, "text": path.read_text(), "job": number})
    else:
        click.echo(path if number is None else number)


def _option(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{given}: write it as NAME=VALUE", param_hint="--option")
    return name.lstrip("-"), value


def _words(job: Job) -> str:
    nodes = "1 node" if job.nodes == 1 else f"{job.nodes} nodes"
    return f"{nodes} with {job.gpus} GPUs each" if job.gpus else f"{nodes} without GPUs"
