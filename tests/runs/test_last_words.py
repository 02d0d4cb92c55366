"""What is said of a worker that could not speak for itself any more."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workbench.core.cgroups import MemoryLimit
from workbench.recipe.recipe import Recipe
from workbench.runs import last_words
from workbench.runs.events import EventLog
from workbench.runs.status import Status

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs

GIB = 1 << 30
OWN = "2026-03-01 10:00:00  training (preparing the model took 2 s)"
WARNING = "/site-packages/torch/x.py:7: FutureWarning: `y` is deprecated"


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    """A run whose worker was killed; it had begun after the kernel's second kill."""
    run = runs.create(Recipe())
    Status.of_this_process(state="running", process="gone:1", oom_kills=2).save(run.status_file)
    return run


def kills(patch: pytest.MonkeyPatch, count: int, limit: MemoryLimit | None) -> None:
    patch.setattr(last_words, "oom_kills", lambda: count)
    patch.setattr(last_words, "memory_limit", lambda: limit)


def test_a_kill_in_a_container_is_named_with_its_limit(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills(monkeypatch, 3, MemoryLimit(GIB, GIB, 3))
    status = run.status()
    assert status.state == "lost"
    assert "the kernel killed the worker" in status.reason
    assert "the memory of its container, 1.0 GiB, was used up" in status.reason
    assert "training.micro_batch_size" in status.reason


@pytest.mark.parametrize(("count", "used", "named"), [(3, 15, True), (3, 2, False), (2, 15, False)])
def test_on_a_whole_machine_the_last_reading_must_agree(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, count: int, used: int, named: bool
) -> None:
    log = EventLog(run.events)
    log.append("memory", 1, process=1, host_used=1, host_total=16 * GIB)
    log.append("memory", 2, process=1, host_used=used * GIB, host_total=16 * GIB)
    log.append("train", 2, loss=1.0)
    kills(monkeypatch, count, None)
    assert ("the memory of this machine was used up" in run.status().reason) == named


def test_another_end_is_not_blamed_on_memory(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills(monkeypatch, 2, MemoryLimit(GIB, GIB, 2))
    assert "ended without giving a reason" in run.status().reason


@pytest.mark.parametrize(
    ("lines", "quote"),
    [
        ([], ""),
        ([OWN, "Fatal Python error: Segmentation fault", ""], "Fatal Python error"),
        ([OWN, "terminate called after throwing", WARNING, "  warnings.warn("], "terminate called"),
        ([OWN, WARNING, "  warnings.warn("], ""),
        (["RuntimeError: survived", OWN], ""),
        ([OWN, "Loading shards:  50%|#####     | 1/2 [00:00<00:00, 74.85it/s]"], ""),
        (["Killed", "[WARNING] something is slow", "2026-01-01 INFO all is well"], "Killed"),
        (["[process 0]:" + OWN], ""),
    ],
)
def test_only_what_may_be_the_cause_is_quoted(lines: list[str], quote: str) -> None:
    said = last_words.last_words(lines)
    assert said.startswith(quote)
    assert bool(said) == bool(quote)


def test_a_warning_is_not_the_cause_of_a_lost_run(run: RunFolder) -> None:
    run.log.write_text(f"{OWN}\n{WARNING}\n")
    assert run.status().reason.endswith("see worker.log")


WORKING = """
import sys
from pathlib import Path
from workbench.runs.folder import RunFolder
from workbench.training.reporting import worker_log
from workbench.training.reporting.reporter import Reporter
run = RunFolder(Path(sys.argv[1]))
worker_log.WorkerLog(run).begin()
reporter = Reporter(run)
reporter.phase("loading the base model")
reporter.phase("loading the base model", done=1, total=2)
reporter.phase("training")
reporter.set_state("finished")
"""


def test_the_log_of_a_run_tells_its_phases_and_how_long_they_took(run: RunFolder) -> None:
    command = [sys.executable, "-c", WORKING, str(run.path)]
    with run.log.open("ab") as log:
        subprocess.run(command, stdout=log, check=True)
    told = [line.partition("  ")[2] for line in run.log.read_text().splitlines()]
    assert told[0].startswith("ftwb ")
    assert "torch 2" in told[0]
    assert told[1] == f"{run.id}: lora on demo"
    assert told[2] == "loading the base model"
    assert told[3].startswith("training (loading the base model took ")
    assert told[4].startswith("finished (training took ")
    elsewhere = subprocess.run(command, capture_output=True, check=True)
    assert elsewhere.stdout == b"", "what is not the log is left to its owner"


ROTATING = """
import os, sys
from pathlib import Path
from workbench.runs.folder import RunFolder
from workbench.training.reporting import worker_log
run = RunFolder(Path(sys.argv[1]))
worker_log.MAX_BYTES = 100
log = worker_log.WorkerLog(run)
for number in range(6):
    os.write(2, b"x" * 60 + b"\\n")
    log.rotate()
log.say("the end")
"""


def test_a_log_that_grows_too_large_is_begun_anew(run: RunFolder) -> None:
    with run.log.open("ab") as log:
        command = [sys.executable, "-c", ROTATING, str(run.path)]
        subprocess.run(command, stdout=log, stderr=log, check=True)
    assert run.log.read_text().endswith("  the end\n")
    assert run.log.stat().st_size < 200
    assert run.log.with_name("worker.log.1").stat().st_size == 122


def test_the_output_of_another_program_is_never_renamed(run: RunFolder) -> None:
    run.log.write_text("x" * 200)
    command = [sys.executable, "-c", ROTATING, str(run.path)]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    assert run.log.read_text() == "x" * 200
