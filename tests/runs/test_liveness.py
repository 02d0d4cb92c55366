"""Who lives, who hangs and who is gone, told by what each case leaves to tell by."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from workbench.cli import request
from workbench.cli.root import ftwb
from workbench.core.errors import BadInputError
from workbench.recipe.recipe import Recipe
from workbench.runs import checkpoints, control
from workbench.runs.process import process_identity
from workbench.runs.run_lock import has_proof_of_life, proof_of_life
from workbench.runs.status import Status
from workbench.training.reporting import reporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.runs.folder import RunFolder, Runs

WORKER = """
import sys
from pathlib import Path
from workbench.runs.folder import RunFolder
from workbench.runs.run_lock import proof_of_life
with proof_of_life(RunFolder(Path(sys.argv[1]))):
    print("working", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    return runs.create(Recipe())


@pytest.fixture
def worker(run: RunFolder) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the proof that the run has a worker."""
    command = [sys.executable, "-c", WORKER, str(run.path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"pid": 1 << 22, "process": "this boot:1", "host": socket.gethostname()},
        {"pid": 7, "process": "another:1", "host": "another-host", "heartbeat": 5.0},
    ],
    ids=["another namespace of pids", "another host with a wrong clock"],
)
def test_a_lock_that_is_held_tells_that_a_worker_lives(
    run: RunFolder, worker: subprocess.Popen[str], elsewhere: dict[str, object]
) -> None:
    Status.model_validate({"state": "running"} | elsewhere).save(run.status_file)
    assert run.status().state == "running"
    worker.kill()
    worker.wait()
    assert run.status().state == "lost"


def test_many_may_look_at_once_and_none_is_mistaken_for_a_worker(run: RunFolder) -> None:
    assert not has_proof_of_life(run)
    with proof_of_life(run):
        assert has_proof_of_life(run)
    looks: list[bool] = []
    lookers = [
        threading.Thread(target=lambda: looks.extend(has_proof_of_life(run) for _ in range(50)))
        for _ in range(4)
    ]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert looks == [False] * 200


@pytest.mark.parametrize(
    ("age", "values", "label"),
    [
        (29.0, {}, "running"),
        (31.0, {}, "not responding"),
        (31.0, {"paused": "disk full"}, "paused"),
        (31.0, {"state": "finished"}, "finished"),
        (31.0, {"state": "stopping"}, "not responding"),
        (-3600.0, {}, "running"),
    ],
)
def test_three_missed_heartbeats_are_no_response(
    run: RunFolder, age: float, values: dict[str, object], label: str
) -> None:
    Status.of_this_process(**({"state": "running"} | values)).model_copy(
        update={"heartbeat": time.time() - age}
    ).save(run.status_file)
    status = run.status()
    assert status.label == label
    assert ("no sign of life" in status.explanation) == (label == "not responding")


def test_the_heart_beats_only_while_something_moves(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "_HEARTBEAT_SECONDS", 0.1)
    busy = [0.0]
    monkeypatch.setattr(reporter, "_processor_seconds", lambda: busy[0])
    writer = reporter.Reporter(run)
    time.sleep(0.3)
    silent = run.status().heartbeat
    time.sleep(0.5)
    assert run.status().heartbeat == silent, "it beats though nothing moves"
    busy[0] = 1.0
    wait_for_beat(run, silent)
    writer.pause("disk full")
    paused = run.status().heartbeat
    wait_for_beat(run, paused)
    writer.set_state("finished")


def wait_for_beat(run: RunFolder, last: float) -> None:
    deadline = time.monotonic() + 20
    while run.status().heartbeat == last:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def suspended(run: RunFolder, worker: subprocess.Popen[str]) -> RunFolder:
    """A run whose worker was suspended a minute ago, after a checkpoint."""
    with checkpoints.draft(run, 50) as folder:
        (folder / "state").touch()
    status = Status.of_process(worker.pid, state="running", step=61, total=90)
    status.model_copy(update={"heartbeat": time.time() - 60}).save(run.status_file)
    worker.send_signal(signal.SIGSTOP)
    return run


def invoke(run: RunFolder, *arguments: str) -> str:
    done = CliRunner().invoke(ftwb, ["--runs-dir", str(run.path.parent), *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_worker_that_hangs_is_asked_waited_for_and_killed_on_request(
    suspended: RunFolder, worker: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "SILENCE_SECONDS", 0.1)
    threading.Thread(target=worker.wait, daemon=True).start()
    assert "not responding" in invoke(suspended, "runs")
    offered = invoke(suspended, "stop", "last")
    assert f"'ftwb stop {suspended.id} --kill' kills it; newest checkpoint: step 50" in offered
    assert process_identity(worker.pid) is not None
    assert control.take_stop(suspended)
    killed = invoke(suspended, "stop", "last", "--kill")
    assert "killed; newest checkpoint: step 50" in killed
    assert process_identity(worker.pid) is None
    status = suspended.status()
    assert (status.state, status.step) == ("stopped", 61)
    assert status.reason.endswith("killed on request; newest checkpoint: step 50")
    assert checkpoints.resumable_from(suspended, status) == 50


def test_a_worker_that_responds_is_never_killed(run: RunFolder) -> None:
    Status.of_this_process(state="running").save(run.status_file)
    assert "killed" not in invoke(run, "stop", "last", "--kill")
    assert control.take_stop(run)
    with pytest.raises(BadInputError, match="only a worker that hangs is killed"):
        control.kill_worker(run)


def test_a_worker_elsewhere_is_not_killed_from_here(run: RunFolder) -> None:
    status = Status.of_this_process(state="running", process="another:1", host="elsewhere")
    status.model_copy(update={"heartbeat": time.time() - 45}).save(run.status_file)
    with pytest.raises(BadInputError, match="not a process of this machine"):
        control.kill_worker(run)
    assert process_identity(os.getpid()) is not None
