"""Run folders written by hand, the way a worker writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.recipe.recipe import Recipe
from workbench.runs.events import EventLog
from workbench.runs.status import Status

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs

GIB = 1 << 30


def make_run(runs: Runs, name: str = "scripted", **values: Any) -> RunFolder:
    """A new run; ``values`` are sections of its recipe."""
    return runs.create(Recipe.model_validate({"name": name, **values}))


def set_state(run: RunFolder, state: str, **values: Any) -> None:
    """Write the status; a live one names this process as its worker."""
    created = run.status().created
    Status.of_this_process(state=state, created=created, **values).save(run.status_file)


def write_steps(run: RunFolder, first: int, last: int, total: int = 100) -> None:
    """Write the events of some steps, as a worker without a GPU does."""
    log = EventLog(run.events)
    for step in range(first, last + 1):
        log.append(
            "train",
            step,
            loss=3.0 - step / 50,
            learning_rate=1e-4,
            gradient_norm=0.5,
            tokens_per_second=1234.0,
            tokens=step * 100,
            epoch=step / total,
            seconds_left=float(total - step),
        )
        log.append("memory", step, process=GIB, host_used=3 * GIB, host_total=16 * GIB)
    log.close()
    set_state(run, "running", step=last, total=total, phase="training")
