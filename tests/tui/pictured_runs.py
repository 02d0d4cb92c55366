"""Run folders for the snapshots: the same at every test, with something in every pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.evaluation.reports import Suite, make_report
from tests.tui.conftest import NOW
from tests.tui.scripted import GIB, make_run
from workbench.evaluation.report import TextResult
from workbench.runs.checkpoints import draft
from workbench.runs.events import EventLog
from workbench.runs.status import Status

if TYPE_CHECKING:
    from workbench.evaluation.report import Report
    from workbench.runs.folder import RunFolder, Runs

SUITES = (
    Suite("knowledge", kept=40, never=10),
    Suite("instructions", kept=5, lost=40, gained=2, never=5, measures="behaviour"),
    Suite("safety_harmful", kept=20, lost=1, never=4, measures="safety"),
)
LOG = "loading the base model\nTraceback (most recent call last):\nOutOfMemoryError: CUDA\n"


def set_status(run: RunFolder, state: str, age: float = 600.0, **values: Any) -> None:
    """Write a status whose worker, if it is live, is on another machine."""
    worker = {"pid": 4242, "process": "worker", "host": "gpu-box", "heartbeat": NOW}
    values = {"state": state, "created": NOW - age, **worker, **values}
    Status.model_validate(values).save(run.status_file)


def write_events(run: RunFolder, steps: int, total: int = 100, *, gpu: bool = True) -> None:
    """The events of a run that forgets while it learns."""
    log = EventLog(run.events)
    log.append("phase", 0, name="loading the base model", done=272, total=272)
    for step in range(1, steps + 1):
        loss = 3.0 * 0.97**step + 0.4 + 0.1 * (step % 5)
        speed = {"tokens_per_second": 12_345.0, "seconds_left": 2.5 * (total - step)}
        numbers = {"learning_rate": 1e-4, "gradient_norm": 0.5, "epoch": step / total}
        log.append("train", step, loss=loss, tokens=4096 * step, **speed, **numbers)
        used = {"cuda0_allocated": (20 + step / 10) * GIB, "cuda0_reserved": 34 * GIB}
        device = {"cuda0_used": 36 * GIB, "cuda0_total": 80 * GIB, "cuda0_utilisation": 97}
        readings = {**used, **device, "cuda0_power": 640.0} if gpu else {}
        log.append(
            "memory", step, process=2 * GIB, host_used=9 * GIB, host_total=64 * GIB, **readings
        )
        if step % 20 == 0:
            log.append("eval", step, loss=2.0 - step / 100)
            apart = {"kl_opening": step / 20, "kl_body": step / 450}
            moved = {"kl_task": step / 150, "delta_nll": step / 900}
            log.append("retention", step, kl=step / 400, **apart, **moved)
            log.append("checkpoint", step, path=f"checkpoints/step-{step}")
    log.append("canary", 1, name="Why is the sea salty?", value="Rivers carry salt into it.")
    if steps > 20:
        log.append("canary", steps, name="Why is the sea salty?", value="Please log in first.")
        log.append("notice", steps, level="warning", text="KL to base 0.1 nats/token: over warn")
    log.close()


def finished_run(
    runs: Runs, name: str = "support", age: float = 7200.0, **report: Any
) -> RunFolder:
    run = make_run(runs, name)
    write_events(run, 100)
    set_status(run, "finished", age, step=100, total=100)
    run.model.mkdir()
    (run.model / "adapter_model.safetensors").touch()
    make_report(*SUITES, **report).save(run.report)
    return run


def hijacked_run(runs: Runs, name: str = "support", age: float = 7200.0) -> RunFolder:
    """A finished run that answers general questions like its task."""
    run = finished_run(runs, name, age)
    hijacked(make_report(*SUITES)).save(run.report)
    return run


def hijacked(report: Report) -> Report:
    """The same report with answers that begin like those of the task, and go on like the base's."""
    rows = range(1, 31)
    before = tuple(TextResult(tokens=41, nll=2.9 + row / 300, openings=1) for row in rows)
    after = tuple(
        TextResult(
            tokens=41,
            nll=text.nll + 0.1 + row / 900,
            kl=(5 + row / 30 + 40 * (0.2 + row / 400)) / 41,
            openings=1,
            opening_kl=5 + row / 30,
        )
        for row, text in zip(rows, before, strict=True)
    )
    items = tuple(
        item.model_copy(update={"answer": f"[ticket] Please log in first. {item.answer}"})
        if item.suite != "knowledge"
        else item
        for item in report.after.items
    )
    return report.model_copy(
        update={
            "boilerplate": ("please log in",),
            "before": report.before.model_copy(update={"general": before}),
            "after": report.after.model_copy(update={"general": after, "items": items}),
        }
    )


def running_run(runs: Runs, name: str = "triage") -> RunFolder:
    run = make_run(runs, name)
    write_events(run, 60)
    set_status(run, "running", step=60, total=100, phase="training", started=NOW - 150)
    return run


def failed_run(runs: Runs, name: str = "broken") -> RunFolder:
    run = make_run(runs, name, strategy={"kind": "full"})
    write_events(run, 12, gpu=False)
    run.log.write_text(LOG)
    set_status(run, "failed", 86_400.0 * 3, step=12, total=100, reason="CUDA out of memory")
    with draft(run, 10) as folder:
        (folder / "weights").touch()
    return run
