"""What else goes wrong around a worker: several resumes at once, a disk that turns read-only."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.training.forked_workers import Fault
from tests.training.reference_run import RECIPE, assert_ends_alike, assert_resumes
from workbench.runs.checkpoints import steps
from workbench.runs.events import EventReader
from workbench.runs.launch import launch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.forked_workers import ForkedWorkers
    from tests.training.reference_run import ReferenceRun
    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

pytestmark = pytest.mark.slow

RESUMER = """
import sys
from pathlib import Path
from workbench.cli.root import ftwb
from workbench.cli import main
import workbench.planning.resume_launch
print("ready", flush=True)
sys.stdin.readline()
sys.argv = ["ftwb", "--runs-dir", sys.argv[1], "resume", sys.argv[2]]
main()
"""
"""``ftwb resume``, once all others are ready."""


@pytest.fixture
def halted(workers: ForkedWorkers, new_run: NewRun) -> RunFolder:
    """A run whose worker was killed when it had written its first checkpoint."""
    run = new_run(*RECIPE)
    workers.fault = Fault(None, "rename checkpoints/.step-2.new", "after")
    assert workers.wait(launch(run)) == -signal.SIGKILL
    return run


def test_of_several_resumes_at_once_one_wins(halted: RunFolder, reference: ReferenceRun) -> None:
    command = [sys.executable, "-c", RESUMER, str(halted.path.parent), halted.id]
    pipe = subprocess.PIPE
    resumers = [
        subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(4)
    ]
    for one in resumers:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in resumers:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    outputs = [one.communicate()[1].splitlines() for one in resumers]
    lines = [line for (line,) in outputs]
    assert sorted(one.returncode for one in resumers) == [0, 2, 2, 2], lines
    (won,) = [line for line in lines if line == f"{halted.id}: resumes from step 2"]
    lost = [line for line in lines if line != won]
    clear = (
        f"ftwb: {halted.id}: locked by another worker or resume",
        *(
            f"ftwb: {halted.id} is {state}: there is nothing to resume"
            for state in ("queued", "starting", "running")
        ),
    )
    assert all(line in clear for line in lost), lost
    psutil.wait_procs([psutil.Process(halted.status().pid)])
    assert_ends_alike(halted, reference.run)
    assert [
        event["resumed_from"]
        for event in EventReader(halted.events).read()
        if "resumed_from" in event
    ] == [2]


@pytest.mark.parametrize(
    "moment",
    ["write checkpoint", "weights checkpoints/.step-4.new/adapter_model.safetensors"],
)
def test_a_worker_whose_disk_turns_read_only_is_lost_with_its_error_and_resumes_later(
    workers: ForkedWorkers, reference: ReferenceRun, new_run: NewRun, moment: str
) -> None:
    run = new_run(*RECIPE)
    workers.fault = Fault(None, moment, "read-only")
    assert workers.wait(launch(run)) == 1
    status = run.status()
    assert status.state == "lost"
    assert "Read-only file system" in status.reason
    assert steps(run) == [2]
    assert_resumes(workers, run, reference.run)


def test_a_result_whose_disk_turns_read_only_is_mentioned(
    workers: ForkedWorkers, reference: ReferenceRun, new_run: NewRun
) -> None:
    run = new_run(*RECIPE)
    workers.fault = Fault(None, "fsync .report.json", "read-only")
    assert workers.wait(launch(run)) == 1
    assert run.status().state == "lost"
    assert "its result is saved: 'ftwb evaluate" in run.status().reason
    assert_resumes(workers, run, reference.run)
