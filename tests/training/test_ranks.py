"""Which of several failed processes is named, and what each sees of the machine."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from workbench.core.errors import MachineError
from workbench.hardware.devices import Device
from workbench.recipe.recipe import Recipe
from workbench.runs.events import EventReader
from workbench.runs.status import Status
from workbench.training.distributed import launcher, rank_main
from workbench.training.reporting import device_wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    run = runs.create(Recipe())
    Status.of_this_process(state="running", step=7).save(run.status_file)
    return run


@pytest.fixture
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ProcessFailure]:
    """How a process ended, with the message that it left, if any."""

    def fail(number: int, exitcode: int, message: str = "") -> ProcessFailure:
        file = tmp_path / f"error-{number}.json"
        if message:
            monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(file))
            rank_main.report_to_launcher(message)
        return ProcessFailure(number, 1000 + number, exitcode, str(file))

    return fail


def reason(run: RunFolder, logs: Path, *failures: ProcessFailure) -> str:
    launcher._report_failure(run, {failure.local_rank: failure for failure in failures}, logs)
    assert run.status().state == "failed"
    errors = [event for event in EventReader(run.events).read() if event["kind"] == "error"]
    assert [(error["step"], error["text"]) for error in errors] == [(7, run.status().reason)]
    return run.status().reason


def test_the_first_to_fail_is_named(
    run: RunFolder, tmp_path: Path, failed: Callable[..., ProcessFailure]
) -> None:
    second = failed(1, 1, "no more memory")
    first = failed(0, 1, "connection closed by peer")
    assert reason(run, tmp_path, first, second) == "process 1: no more memory"


def test_a_killed_process_comes_before_those_that_miss_it(
    run: RunFolder, tmp_path: Path, failed: Callable[..., ProcessFailure]
) -> None:
    missing, ended = failed(0, 1, "connection closed by peer"), failed(1, -signal.SIGTERM)
    killed = failed(2, -signal.SIGKILL)
    output = tmp_path / "job" / "attempt_0" / "2"
    output.mkdir(parents=True)
    (output / "stderr.log").write_text("all was well\nuntil now\n\n")
    assert reason(run, tmp_path, missing, ended, killed) == (
        "process 2: killed by SIGKILL; its output ends with: until now"
    )


def test_a_process_without_a_message_is_described_by_its_exit_code(
    run: RunFolder, tmp_path: Path, failed: Callable[..., ProcessFailure]
) -> None:
    ended = failed(0, -signal.SIGTERM)
    assert reason(run, tmp_path, ended, failed(1, 3)) == "process 1: ended with exit code 3"


def test_a_run_that_its_main_process_has_ended_stays_as_it_is(
    run: RunFolder, tmp_path: Path, failed: Callable[..., ProcessFailure]
) -> None:
    Status(state="stopped", reason="stopped on request").save(run.status_file)
    assert (
        launcher._report_failure(run, {1: failed(1, 1, "connection closed by peer")}, tmp_path) == 0
    )
    assert run.status().reason == "stopped on request"


def test_each_process_sees_its_own_device_only(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = (Device("cuda:0", "GPU-a"), Device("cuda:1", "GPU-b"))
    monkeypatch.setattr(rank_main, "usable_devices", lambda: devices)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
    monkeypatch.setenv("LOCAL_RANK", "1")
    rank_main._select_device()
    assert (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["LOCAL_RANK"]) == ("GPU-b", "0")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(MachineError, match="no device for process 3 of this machine, which has 2"):
        rank_main._select_device()


def test_too_few_devices_end_the_run_before_it_waits(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = (Device("cuda:0", "GPU-a"), Device("cuda:1", "GPU-b"))
    monkeypatch.setattr(device_wait, "usable_devices", lambda: devices)
    run = runs.create(Recipe.model_validate({"devices": {"count": 3}}))
    assert device_wait.DeviceWait(run, []).acquire() == 0
    status = run.status()
    assert status.state == "failed"
    assert status.reason.startswith("devices.count is 3, but this machine has 2: lower it")


def test_all_devices_of_a_run_are_shown_to_it(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = tuple(Device(f"cuda:{i}", f"GPU-{i}") for i in range(3))
    monkeypatch.setattr(device_wait, "usable_devices", lambda: devices)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    run = runs.create(Recipe.model_validate({"devices": {"count": 2}}))
    assert device_wait.DeviceWait(run, []).acquire() == 2
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-0,GPU-1"
