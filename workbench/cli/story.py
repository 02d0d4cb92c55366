"""The demo's story: the same rows taught twice, and what was forgotten each time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from workbench.errors import MachineError, RunFailedError

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs

CHAPTERS = ("demo-full", "demo-lora")
_PATIENCE = 60.0


def tell(runs: Runs) -> list[RunFolder]:
    """Train the chapters one after the other, with progress on stderr.

    Raises:
        RunFailedError: A chapter did not reach its end.
    """
    from workbench.cli.following import follow, raise_if_failed
    from workbench.cli.output import narrate
    from workbench.recipe import storage
    from workbench.runs.launch import launch

    told = []
    for name in CHAPTERS:
        recipe = storage.load_file(name)
        run = runs.create(recipe)
        narrate(f"{run.id}: {recipe.description}")
        launch(run)
        follow(run)
        raise_if_failed(run)
        if run.status().state == "stopped":
            raise RunFailedError(f"{run.id} was stopped: the demo ends here")
        told.append(run)
    return told


def tell_in_background(runs: Runs) -> RunFolder:
    """Let a process of its own tell the story, and return the first chapter once it exists.

    Raises:
        MachineError: It did not begin.
    """
    before = {run.id for run in runs.list()}
    log = runs.root / f".demo-{os.getpid()}.log"
    teller = _start_teller(runs, log)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and teller.poll() is None:
        fresh = [run for run in runs.list() if run.id not in before]
        if fresh:
            return fresh[-1]
        time.sleep(0.1)
    last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    raise MachineError(f"the demo did not begin: {last or 'no word from it'}; see {log}")


def _start_teller(runs: Runs, log: Path) -> subprocess.Popen[bytes]:
    words = ["-P", "-m", "workbench", "--runs-dir", str(runs.root), "demo", "--headless"]
    try:
        runs.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("wb") as stream:
            return subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
    except OSError as error:
        raise MachineError(f"{log}: the demo cannot be started: {error.strerror}") from error


def findings(told: list[RunFolder]) -> dict[str, Any]:
    """What came out, as measured: the base beside the result of every chapter."""
    from workbench.probes.report import read_report

    reports = {run.recipe().name.removeprefix("demo-"): read_report(run) for run in told}
    first = next(iter(reports.values()))
    models = {"base": first.before, **{name: report.after for name, report in reports.items()}}
    return {
        "runs": [run.id for run in told],
        "heldout_rows": len(first.before.target),
        "models": {
            name: {
                "target_task": measured.target_score,
                "heldout_nll": measured.heldout_nll,
                "answers": dict(zip(first.prompts, measured.answers, strict=True)),
            }
            for name, measured in models.items()
        },
    }


def show(found: dict[str, Any]) -> None:
    """Print the findings as two tables: the task learned, and the answers before and after."""
    from workbench.cli.output import emit_table

    models: dict[str, dict[str, Any]] = found["models"]
    emit_table(
        ("", *models),
        [
            (
                f"target task: intent named, of {found['heldout_rows']} held-out rows",
                *(f"{model['target_task']:.0%}" for model in models.values()),
            ),
            (
                "held-out loss, nats per token",
                *(f"{model['heldout_nll']:.2f}" for model in models.values()),
            ),
        ],
    )
    prompts = list(models["base"]["answers"])
    emit_table(
        ("asked", *models),
        [(prompt, *(model["answers"][prompt] for model in models.values())) for prompt in prompts],
    )
