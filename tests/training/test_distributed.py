"""Real runs in two processes on the CPU: they are the run of one process, and end like it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import torch

from tests.training.live_runs import weights_of
from workbench.evaluation.report import read_report
from workbench.planning.resume_launch import resume
from workbench.runs import control
from workbench.runs.checkpoints import choose, steps
from workbench.runs.events import EventReader
from workbench.runs.launch import launch
from workbench.runs.slurm import Job, write_script
from workbench.training.checkpoint.write import SavedState
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

pytestmark = pytest.mark.slow

NUMBERS = ("loss", "gradient_norm", "loss_target", "loss_replay", "replay_share", "ewc")
TWO = ("devices.count=2",)
ONE = ("training.gradient_accumulation_steps=2", "devices.sharding=none")
"""One process with the steps that two processes take together."""

ASKING = (
    "retention.budget.warn=1e-9",
    "retention.budget.limit=1e-9",
    "evaluation.retention_steps=4",
    "training.save_steps=1",
    "training.max_steps=7",
)
"""At the fourth step, where the KL is above any doubt, the run waits for its user."""


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def guarded(general: Path) -> tuple[str, ...]:
    """Everything that adds to a loss or a batch; twelve rows are five batches, one of them small,
    so that the last step of an epoch has a batch for one process only."""
    return (
        "training.max_steps=5",
        "training.micro_batch_size=3",
        "training.max_grad_norm=0.5",
        f"evaluation.general_text={general}",
        "data.heldout=null",
        "data.heldout_share=0.2",
        "retention.replay.answers=dataset",
        "retention.replay.share=0.3",
        f"retention.replay.source={general}",
        "retention.kl.strength=0.5",
        f"retention.kl.source={general}",
        "evaluation.canary_steps=4",
    )


@pytest.fixture(params=["ddp", "fsdp"])
def shared(request: pytest.FixtureRequest, general: Path) -> tuple[str, ...]:
    """How two processes share the model, and what only they can do that hold all of it."""
    if request.param == "fsdp":
        return ("devices.sharding=full", "training.gradient_checkpointing=true")
    return ("retention.ewc.strength=1000", f"retention.ewc.source={general}")


def until(condition: Callable[[], object]) -> None:
    """Wait for ``condition``; the suite's own limit ends what never comes."""
    while not condition():
        time.sleep(0.05)


def ended(run: RunFolder) -> str:
    until(lambda: not run.status().live)
    return run.status().state


def waits(run: RunFolder) -> bool:
    status = run.status()
    assert status.live, (status.reason, run.log.read_text())
    return status.phase == control.AWAITING_ANSWER


def processes(run: RunFolder) -> dict[int, psutil.Process]:
    """The processes of a run by their numbers."""
    children = psutil.Process(run.status().pid).children()
    return {int(child.environ()["RANK"]): child for child in children}


def numbers_of(run: RunFolder) -> dict[tuple[str, int], dict[str, Any]]:
    """The last numbers of every step, by kind of event and step."""
    return {
        (event["kind"], event["step"]): {name: event.get(name) for name in NUMBERS}
        for event in EventReader(run.events).read()
        if event["kind"] in ("train", "eval", "penalty")
    }


def assert_equal(two: RunFolder, one: RunFolder) -> None:
    """The same numbers and weights, but for rounding."""
    ours, theirs = numbers_of(two), numbers_of(one)
    assert ours.keys() == theirs.keys()
    for key, numbers in theirs.items():
        assert ours[key] == pytest.approx(numbers, rel=1e-4), key
    trained, expected = weights_of(two), weights_of(one)
    assert trained.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(trained[name], tensor, rtol=1e-3, atol=1e-5)


def test_two_processes_are_one_with_twice_the_accumulation(
    new_run: NewRun, guarded: tuple[str, ...], shared: tuple[str, ...]
) -> None:
    recipe = (*guarded, *shared, "strategy.kind=full")
    two, one = new_run(*recipe, *TWO), new_run(*recipe, *ONE)
    launch(two)
    assert train_run(one) == 0
    assert ended(two) == "finished", (two.status().reason, two.log.read_text())
    assert_equal(two, one)
    assert text_losses(two) == pytest.approx(text_losses(one), abs=1e-4)


def text_losses(run: RunFolder) -> list[float]:
    """The losses of the saved result on text, from the report."""
    report = read_report(run)
    return [text.nll for text in (*report.after.general, *report.after.task)]


def test_a_killed_process_fails_the_run_and_is_named(
    new_run: NewRun, guarded: tuple[str, ...]
) -> None:
    run = new_run(*guarded, *TWO, *ASKING)
    launch(run)
    until(lambda: waits(run))
    children = processes(run)
    assert children.keys() == {0, 1}
    children[1].kill()
    assert ended(run) == "failed"
    assert run.status().reason.startswith("process 1: killed by SIGKILL")
    assert [e["text"] for e in EventReader(run.events).read() if e["kind"] == "error"] == [
        run.status().reason
    ]
    until(lambda: not any(process.is_running() for process in children.values()))


def test_a_stopped_run_resumes_with_both_processes(
    new_run: NewRun, guarded: tuple[str, ...], shared: tuple[str, ...]
) -> None:
    recipe = (*guarded, *shared, *ASKING)
    two = new_run(*recipe, *TWO)
    one = new_run(*recipe, *ONE, "retention.budget.limit=100")
    launch(two)
    assert train_run(one) == 0
    until(lambda: waits(two))
    worker = psutil.Process(two.status().pid)
    worker.send_signal(signal.SIGTERM)
    assert ended(two) == "stopped", two.status().reason
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    assert steps(two)[0] == 4
    first, second = SavedState.read(choose(two).folder, 2).rng_by_rank
    assert not torch.equal(first["torch"], second["torch"])
    assert resume(two).step == 4
    assert ended(two) == "finished", (two.status().reason, two.log.read_text())
    assert_equal(two, one)


SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
"$@" & one=$!
"$@" & two=$!
wait $one && wait $two
"""
"""Starts its command on two nodes, both of them here."""


def test_a_job_over_two_nodes_is_the_same_run(
    new_run: NewRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = ("training.max_steps=3", "training.micro_batch_size=3")
    two, one = new_run(*recipe, *TWO), new_run(*recipe, *ONE)
    for name, text in {"srun": SRUN, "scontrol": "#!/bin/sh\necho localhost\n"}.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "node[1-2]")
    monkeypatch.setenv("SLURM_JOB_ID", str(os.getpid()))
    path = write_script(two, Job(nodes=2, gpus=0, processes=1))
    with two.log.open("w") as log:
        job = subprocess.Popen(["bash", str(path)], stdout=log, stderr=log)
        assert train_run(one) == 0
        assert job.wait() == 0, two.log.read_text()
    assert two.status().state == "finished"
    assert_equal(two, one)
