"""``ftwb demo``: the whole job on a real model, with nothing to prepare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command
from workbench.cli.output import emit_json

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "demo", cls=Command, group="Setup", short_help="Fine-tune a real model and see what it forgets."
)
@click.option("--headless", is_flag=True, help="No screens: progress bars, then a table.")
@click.option("--all", "all_runs", is_flag=True, help="Five runs instead of two; needs --headless.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
@click.pass_obj
def command(root: Path, headless: bool, all_runs: bool, as_json: bool) -> None:
    """Teach a 135M-parameter model customer support twice and see what it forgets.

    First full fine-tuning at a rate that visibly forgets, then LoRA on the same rows. Without
    --headless the workbench opens on the live run, and on the split chat once both have finished.
    --all adds full fine-tuning at a careful rate, and both with replay. Every result answers the
    quick probe suites.
    """
    from workbench.cli import demo
    from workbench.runs.folder import Runs

    runs = Runs(root)
    if headless or as_json:
        results = demo.collect_results(demo.train(runs, demo.recipes(all_runs)))
        emit_json(results) if as_json else demo.print_results(results)
        return
    if all_runs:
        raise click.UsageError("--all runs without screens: add --headless")
    from workbench.tui import launch
    from workbench.tui.demo_tour import DemoTour
    from workbench.tui.terminal import require_terminal

    require_terminal()
    first = demo.start_in_background(runs)
    launch(root, run=first, tour=DemoTour(first.id, demo.RECIPES, "What is photosynthesis?"))
