"""Real workers in a real queue: their order, their end by any signal, and what they cost."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import psutil
import pytest

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.recipe.recipe import Recipe
from workbench.runs import control
from workbench.runs.launch import launch, relaunch
from workbench.runs.queue import AcquiredDevices, Queue
from workbench.runs.status import Status
from workbench.training.reporting import device_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs

    Launch = Callable[..., RunFolder]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the workers see no CUDA device, so that they queue for the CPU on every machine."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every worker sleep once it has its device, in the place of an import."""
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "transformers.py").write_text("import time\ntime.sleep(3600)\n")
    monkeypatch.setenv("PYTHONPATH", str(stub))


@pytest.fixture
def start(runs: Runs, idle: None) -> Iterator[Launch]:
    """Launch a run whose worker does nothing once it has its device."""
    del idle
    launched: list[RunFolder] = []

    def one() -> RunFolder:
        run = runs.create(Recipe())
        launched.append(run)
        launch(run)
        return run

    yield one
    for run in launched:
        if run.status().live:
            kill(run)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Hold the CPU until called."""
    taken = Queue(locations.queue()).try_acquire(tmp_path, ["cpu"])
    assert isinstance(taken, AcquiredDevices)
    freed: list[None] = []

    def free() -> None:
        os.close(taken.files[0])
        freed.append(None)

    yield free
    if not freed:
        os.close(taken.files[0])


def until(condition: Callable[[], object]) -> None:
    """Wait for ``condition``; the suite's own limit ends what never comes."""
    while not condition():
        time.sleep(0.05)


def kill(run: RunFolder) -> None:
    pid = run.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not run.status().live)


def started(run: RunFolder) -> bool:
    """Whether it has the device; that it trains is waited for in one test only."""
    return run.status().started is not None


def ended(run: RunFolder) -> Status:
    until(lambda: not run.status().live)
    return run.status()


def placed(*runs: RunFolder) -> list[int]:
    return [run.status().queue_position for run in runs]


def test_three_runs_go_one_after_the_other_in_the_order_of_launch(
    new_run: Callable[..., RunFolder], busy: Callable[[], None]
) -> None:
    runs = [new_run("training.max_steps=1") for _ in range(3)]
    for run in runs:
        launch(run)
    until(lambda: placed(*runs) == [1, 2, 3])
    assert [run.status().label for run in runs] == [
        "queued, 1st for cpu",
        "queued, 2nd for cpu",
        "queued, 3rd for cpu",
    ]
    busy()
    ends = [ended(run) for run in runs]
    assert [end.state for end in ends] == ["finished"] * 3, [end.reason for end in ends]
    for before, after in pairwise(ends):
        assert before.ended <= after.started


def test_a_run_that_waits_has_not_loaded_torch(start: Launch, busy: Callable[[], None]) -> None:
    del busy
    run = start()
    until(lambda: placed(run) == [1])
    worker = psutil.Process(run.status().pid)
    assert not any("torch" in mapped.path for mapped in worker.memory_maps())
    assert worker.memory_info().rss < 120 << 20


def test_a_run_that_waits_can_be_stopped_and_the_next_moves_up(
    start: Launch, busy: Callable[[], None]
) -> None:
    first, second = start(), start()
    until(lambda: placed(first, second) == [1, 2])
    control.send_request(first, "stop")
    assert ended(first).state == "stopped"
    assert first.status().reason == "removed from the queue for cpu"
    until(lambda: placed(second) == [1])
    assert not started(second)
    busy()
    until(lambda: started(second))
    assert not started(first)


def test_sigterm_takes_a_run_out_of_the_queue_and_a_hang_up_does_nothing(
    start: Launch, busy: Callable[[], None]
) -> None:
    del busy
    run = start()
    until(lambda: placed(run) == [1])
    for number in (signal.SIGHUP, signal.SIGTERM):
        pid = run.status().pid
        assert pid is not None
        os.kill(pid, number)
    assert ended(run).state == "stopped"


def test_a_killed_worker_frees_the_device_and_is_quoted(start: Launch) -> None:
    first = start()
    until(lambda: started(first))
    second = start()
    until(lambda: placed(second) == [1])
    with first.log.open("a") as log:
        log.write("its last words\n\n")
    kill(first)
    assert first.status().state == "lost"
    assert first.status().reason.endswith("see worker.log, which ends with: its last words")
    until(lambda: started(second))


def test_workers_that_die_while_they_wait_wait_again_in_their_old_order(
    start: Launch, busy: Callable[[], None], runs: Runs
) -> None:
    first, second = start(), start()
    until(lambda: placed(first, second) == [1, 2])
    for run in (first, second):
        kill(run)
    assert [run.status().state for run in (first, second)] == ["lost", "lost"]
    assert "'ftwb queue'" in first.status().reason
    third = start()
    until(lambda: placed(first, second, third) == [1, 2, 3])
    assert relaunch(runs) == []
    busy()
    for run, later in ((first, (second, third)), (second, (third,)), (third, ())):
        until(partial(started, run))
        assert not any(map(started, later))
        kill(run)


def test_a_run_lost_while_it_waited_can_be_stopped_for_good(
    start: Launch, busy: Callable[[], None], runs: Runs
) -> None:
    del busy
    run = start()
    until(lambda: placed(run) == [1])
    kill(run)
    with pytest.raises(BadInputError, match="no worker to checkpoint"):
        control.send_request(run, "checkpoint")
    control.send_request(run, "stop")
    assert run.status().state == "stopped"
    assert relaunch(runs) == []


def test_what_waits_on_another_host_is_not_started_here(runs: Runs) -> None:
    run = runs.create(Recipe())
    Status.of_this_process(state="queued", host="elsewhere", heartbeat=1.0).save(run.status_file)
    assert run.status().lost_while_queued
    assert relaunch(runs) == []


def test_the_worker_has_no_terminal_and_outlives_its_launcher(
    runs: Runs, busy: Callable[[], None], idle: None
) -> None:
    del idle
    run = runs.create(Recipe())
    script = (
        "import os, signal, sys; from pathlib import Path;"
        "from workbench.runs.folder import RunFolder; from workbench.runs.launch import launch;"
        "print(launch(RunFolder(Path(sys.argv[1]))), flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    launcher = subprocess.run(
        [sys.executable, "-c", script, str(run.path)], stdout=subprocess.PIPE, check=False
    )
    assert launcher.returncode == -signal.SIGKILL
    worker = psutil.Process(int(launcher.stdout))
    until(lambda: placed(run) == [1])
    assert worker.terminal() is None
    assert os.getsid(worker.pid) == worker.pid
    busy()
    until(lambda: started(run))
    kill(run)


def test_the_lock_is_not_left_with_children_of_the_worker(busy: Callable[[], None]) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    busy()
    with (locations.queue() / "cpu.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    child.communicate()


def test_a_full_disk_of_the_queue_is_waited_for(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.create(Recipe())
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    shown: list[Status] = []

    def look(_seconds: float) -> None:
        shown.append(run.status())
        if len(shown) == 2:
            patch.undo()

    monkeypatch.setattr(device_wait.time, "sleep", look)
    monkeypatch.setattr(device_wait, "Thread", MagicMock())
    with monkeypatch.context() as patch:
        patch.setattr("workbench.core.files.open_private", MagicMock(side_effect=full))
        wait = device_wait.DeviceWait(run, ())
        assert wait.acquire() == 1
    assert [status.label for status in shown] == ["paused", "paused"]
    assert "disk full at" in shown[0].paused
    assert run.status().state == "starting"
    assert run.status().oom_kills is not None, "a kill while it loads torch is named too"
