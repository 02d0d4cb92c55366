"""The demo: train on the same rows in several ways, and show what each run forgot."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from workbench.core.errors import MachineError, RunFailedError
from workbench.core.formatting import percent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.evaluation.analysis.findings import Capability, Findings, Interval
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder, Runs

RECIPES = ("demo-full", "demo-lora")
"""The presets that the demo trains."""

ALL_RECIPES = (
    "demo-full",
    "demo-full-careful",
    "demo-full-replay",
    "demo-lora",
    "demo-lora-replay",
)
"""The presets that ``--all`` trains."""

_MEASURES = (
    "KL to base on general text, nats per token",
    "loss on general text, against the base",
    "general answers with the desk's phrases",
    "retention index",
    "verdict",
)
_START_TIMEOUT = 60.0
"""Seconds until the first run of a background demo must exist."""


def recipes(all_runs: bool) -> list[Recipe]:
    """Load the recipes of the demo, in order."""
    from workbench.recipe import yaml_io

    return [yaml_io.load_file(name) for name in (ALL_RECIPES if all_runs else RECIPES)]


def train(runs: Runs, recipes: Sequence[Recipe]) -> list[RunFolder]:
    """Train the recipes one after the other, with progress on stderr.

    Raises:
        RunFailedError: A run failed, was lost or was stopped.
    """
    from workbench.cli.following import follow, raise_if_failed
    from workbench.cli.output import narrate
    from workbench.runs.launch import launch

    trained = []
    for recipe in recipes:
        run = runs.create(recipe)
        narrate(f"{run.id}: {recipe.description}")
        launch(run)
        follow(run)
        raise_if_failed(run)
        if run.status().state == "stopped":
            raise RunFailedError(f"{run.id} was stopped, and the demo with it")
        trained.append(run)
    return trained


def start_in_background(runs: Runs) -> RunFolder:
    """Start the demo in a separate process, and return its first run once it exists.

    Raises:
        MachineError: The process cannot be started, or it created no run.
    """
    existing = {run.id for run in runs.list()}
    log = runs.root / f".demo-{os.getpid()}.log"
    process = _start_process(runs, log)
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        new = [run for run in runs.list() if run.id not in existing]
        if new:
            return new[-1]
        time.sleep(0.1)
    last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    raise MachineError(f"the demo did not start: {last or 'it printed nothing'}; see {log}")


def _start_process(runs: Runs, log: Path) -> subprocess.Popen[bytes]:
    command = ["-P", "-m", "workbench", "--runs-dir", str(runs.root), "demo", "--headless"]
    try:
        runs.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("wb") as stream:
            return subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
    except OSError as error:
        raise MachineError(f"{log}: cannot start the demo: {error.strerror}") from error


def collect_results(trained: Sequence[RunFolder]) -> dict[str, Any]:
    """Read the measurements of the base and of every run from their reports."""
    from workbench.evaluation.analysis.analysis import analyse
    from workbench.evaluation.report import read_report

    reports = {run.recipe().name.removeprefix("demo-"): read_report(run) for run in trained}
    first = next(iter(reports.values()))
    models = {"base": first.before, **{name: report.after for name, report in reports.items()}}
    return {
        "runs": [run.id for run in trained],
        "heldout_rows": len(first.before.target),
        "models": {
            name: {
                "target_task": measured.target_score,
                "heldout_nll": measured.heldout_nll,
                "answers": dict(zip(first.prompts, measured.answers, strict=True)),
                "findings": analyse(reports[name]) if name in reports else None,
            }
            for name, measured in models.items()
        },
    }


def print_results(results: dict[str, Any]) -> None:
    """Print what was learned, what was forgotten, and the answers before and after."""
    from workbench.cli.output import emit_table

    models: dict[str, dict[str, Any]] = results["models"]
    emit_table(
        ("", *models),
        [
            (
                f"target task: intent named, of {results['heldout_rows']} held-out rows",
                *(percent(model["target_task"]) for model in models.values()),
            ),
            (
                "held-out loss, nats per token",
                *(f"{model['heldout_nll']:.2f}" for model in models.values()),
            ),
            *_forgetting([model["findings"] for model in models.values() if model["findings"]]),
        ],
    )
    prompts = list(models["base"]["answers"])
    emit_table(
        ("prompt", *models),
        [(prompt, *(model["answers"][prompt] for model in models.values())) for prompt in prompts],
    )


def _forgetting(results: Sequence[Findings]) -> list[tuple[str, ...]]:
    """One row per measure and per capability; the base's own scores in its column."""
    columns = [_measures(findings) for findings in results]
    rows = [(name, "", *cells) for name, *cells in zip(_MEASURES, *columns, strict=True)]
    for index, capability in enumerate(results[0].capabilities):
        before = f"{capability.before:.2f}"
        after = [_after(findings.capabilities[index]) for findings in results]
        rows.append((f"{capability.title}, {capability.n} items", before, *after))
    return [row for row in rows if any(row[1:])]


def _measures(findings: Findings) -> tuple[str, ...]:
    return (
        _value(findings.kl_general, ".2f"),
        _value(findings.delta_nll, "+.2f"),
        percent(findings.domain_leak.value, signed=True) if findings.domain_leak else "",
        _value(findings.retention_index, ".2f"),
        findings.outcome,
    )


def _value(interval: Interval | None, spec: str) -> str:
    return "" if interval is None else format(interval.value, spec)


def _after(capability: Capability) -> str:
    return f"{capability.after:.2f} {capability.verdict or ''}".strip()
