"""The demo's story: the same rows taught again and again, and what was forgotten each time."""

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

CHAPTERS = ("demo-full", "demo-lora")
WHOLE = ("demo-full", "demo-full-careful", "demo-full-replay", "demo-lora", "demo-lora-replay")
_MEASURES = (
    "KL to base on general text, nats per token",
    "loss on general text, against the base",
    "general answers with the desk's phrases",
    "retention index",
    "verdict",
)
_PATIENCE = 60.0


def chapters(whole: bool) -> list[Recipe]:
    """The recipes of the short story, or of the whole one."""
    from workbench.recipe import yaml_io

    return [yaml_io.load_file(name) for name in (WHOLE if whole else CHAPTERS)]


def tell(runs: Runs, recipes: Sequence[Recipe]) -> list[RunFolder]:
    """Train the chapters one after the other, with progress on stderr.

    Raises:
        RunFailedError: A chapter did not reach its end.
    """
    from workbench.cli.following import follow, raise_if_failed
    from workbench.cli.output import narrate
    from workbench.runs.launch import launch

    told = []
    for recipe in recipes:
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


def findings(told: Sequence[RunFolder]) -> dict[str, Any]:
    """What came out, as measured: the base beside the result of every chapter."""
    from workbench.evaluation.analysis.analysis import analyse
    from workbench.evaluation.report import read_report

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
                "findings": analyse(reports[name]) if name in reports else None,
            }
            for name, measured in models.items()
        },
    }


def show(found: dict[str, Any]) -> None:
    """Print what was learned, what was forgotten, and the answers before and after."""
    from workbench.cli.output import emit_table

    models: dict[str, dict[str, Any]] = found["models"]
    emit_table(
        ("", *models),
        [
            (
                f"target task: intent named, of {found['heldout_rows']} held-out rows",
                *(percent(model["target_task"]) for model in models.values()),
            ),
            (
                "held-out loss, nats per token",
                *(f"{model['heldout_nll']:.2f}" for model in models.values()),
            ),
            *_forgotten([model["findings"] for model in models.values() if model["findings"]]),
        ],
    )
    prompts = list(models["base"]["answers"])
    emit_table(
        ("asked", *models),
        [(prompt, *(model["answers"][prompt] for model in models.values())) for prompt in prompts],
    )


def _forgotten(judged: Sequence[Findings]) -> list[tuple[str, ...]]:
    """One row for each measure and each capability; the base's own scores in its column."""
    columns = [_measures(findings) for findings in judged]
    rows = [(name, "", *cells) for name, *cells in zip(_MEASURES, *columns, strict=True)]
    for index, capability in enumerate(judged[0].capabilities):
        before = f"{capability.before:.2f}"
        after = [_after(findings.capabilities[index]) for findings in judged]
        rows.append((f"{capability.title}, {capability.n} items", before, *after))
    return [row for row in rows if any(row[1:])]


def _measures(findings: Findings) -> tuple[str, ...]:
    return (
        _value(findings.kl_general, ".2f"),
        _value(findings.delta_nll, "+.2f"),
        percent(findings.domain_leak.value, signed=True) if findings.domain_leak else "",
        _value(findings.retention_index, ".2f"),
        findings.verdict if findings.capabilities else "",
    )


def _value(interval: Interval | None, form: str) -> str:
    return "" if interval is None else format(interval.value, form)


def _after(capability: Capability) -> str:
    return f"{capability.after:.2f} {capability.verdict or ''}".strip()
