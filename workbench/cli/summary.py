"""A run as plain values, for tables and JSON."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from workbench.core.errors import FtwbError
from workbench.runs.checkpoints import resumable_from
from workbench.runs.faults import fault_of, report_fault
from workbench.runs.view import RunFollower, RunView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.runs.folder import RunFolder


def summary(run: RunFolder) -> dict[str, Any]:
    """What ``ftwb runs`` lists of a run."""
    model, strategy, invalid = _model_and_strategy(run)
    view = _view(run)
    step = resumable_from(run, view.status)
    return {
        "id": run.id,
        "error": fault_of(run) or invalid,
        "state": view.status.state,
        "standing": view.status.label + (f", resumes at {step}" if step else ""),
        "resumable_from": step or None,
        "place": view.status.queue_position,
        "reason": view.status.explanation,
        "step": view.status.step,
        "total": view.status.total,
        "model": model,
        "strategy": strategy,
        "loss": view.value("train", "loss"),
        "eval_loss": view.value("eval", "loss"),
        "seconds_left": view.value("train", "seconds_left"),
        "tokens_per_second": view.value("train", "tokens_per_second"),
        "path": str(run.path),
    }


def findings_band(run: RunFolder) -> dict[str, str]:
    """What is shown first of its findings, by label; empty without a report that can be judged."""
    return judged(run)[0]


def judged(run: RunFolder) -> tuple[dict[str, str], str]:
    """The band of its findings, by label, and why it cannot be judged though it has a report."""
    from workbench.evaluation.analysis.analysis import read_findings
    from workbench.evaluation.analysis.band import band

    if not run.files.is_file(run.report):
        return {}, report_fault(run)
    try:
        return {part.label: part.value for part in band(read_findings(run))}, ""
    except FtwbError as error:
        return {}, _inside(run, error)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return {}, f"{run.report.name} cannot be judged"


def _view(run: RunFolder) -> RunView:
    follower = RunFollower(run)
    try:
        return follower.poll()
    except OSError:
        return RunView(run.id, run.status())


def _model_and_strategy(run: RunFolder) -> tuple[str, str, str]:
    """Of its recipe, and what is wrong with that; it must not hide the other runs."""
    try:
        recipe = run.recipe()
    except FtwbError as error:
        return "unreadable recipe", "", _inside(run, error)
    return recipe.model.id, recipe.strategy.kind, ""


def _inside(run: RunFolder, error: FtwbError) -> str:
    """An error with paths as they are inside the run."""
    return str(error).replace(f"{run.path}{os.sep}", "")


def _by_dataset(event: Mapping[str, Any]) -> dict[str, float]:
    """The losses of an event by dataset; empty where the run has only one."""
    prefix = "loss_of_"
    return {
        name.removeprefix(prefix): value for name, value in event.items() if name.startswith(prefix)
    }


def details(run: RunFolder) -> dict[str, Any]:
    """What ``ftwb show`` prints: summary, recipe, memory, recent notices and report."""
    view = RunFollower(run).poll()
    report = run.files.read_text(run.report) if run.files.is_file(run.report) else "null"
    return {
        **summary(run),
        **findings_band(run),
        "loss_by_dataset": {
            kind: _by_dataset(view.latest.get(kind, {})) for kind in ("train", "eval")
        },
        "pid": view.status.pid,
        "host": view.status.host,
        "phase": view.status.phase,
        "has_result": run.has_result(),
        "memory": dict(view.latest.get("memory", {})),
        "penalty": dict(view.latest.get("penalty", {})),
        "notices": [dict(event) for event in view.notices[-10:]],
        "recipe": run.recipe().model_dump(mode="json"),
        "report": json.loads(report),
    }
