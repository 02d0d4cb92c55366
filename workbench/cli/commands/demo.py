"""``ftwb demo``: the whole job on a real model, with nothing to prepare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.output import emit_json

if TYPE_CHECKING:
    from pathlib import Path


@click.command("demo")
@click.option("--headless", is_flag=True, help="No screens: progress bars, then a table.")
@click.option("--all", "whole", is_flag=True, help="Five runs; needs --headless.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
@click.pass_obj
def command(root: Path, headless: bool, whole: bool, as_json: bool) -> None:
    """Teach a 135M-parameter model customer support twice and see what it forgets.

    First full fine-tuning at a rate that visibly forgets, then LoRA on the same rows. Without
    --headless the workbench opens on the live run, and on the split chat once both have finished.
    With --all also full fine-tuning at a careful rate and both with replay. Every result is asked
    the quick probe suites.
    """
    from workbench.cli import demo
    from workbench.runs.folder import Runs

    runs = Runs(root)
    if headless or as_json:
        found = demo.findings(demo.tell(runs, demo.chapters(whole)))
        emit_json(found) if as_json else demo.show(found)
        return
    if whole:
        raise click.UsageError("--all tells its story without screens: add --headless")
    from workbench.tui import launch
    from workbench.tui.demo_tour import DemoTour

    first = demo.tell_in_background(runs)
    launch(root, run=first, tour=DemoTour(first.id, demo.CHAPTERS, "What is photosynthesis?"))
