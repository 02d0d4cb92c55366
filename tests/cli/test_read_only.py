"""Runs on a read-only file system: reading works, and writing fails with one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workbench.runs import checkpoints
from workbench.runs.events import EventLog
from workbench.runs.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder, Runs
    from workbench.runs.view import RunView

    Call = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

MOUNTED = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
"""Runs a command in a mount namespace in which the folder named first is read-only."""

LISTED = """
import asyncio, sys
from pathlib import Path
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.confirm import ConfirmScreen
from workbench.tui.screens.runs import RunTable
async def until(pilot, condition):
    for _ in range(3000):
        if condition():
            return
        await pilot.pause(0.01)
    raise SystemExit("the screen never came to the expected state")
async def main():
    app, toasts = WorkbenchApp(Path(sys.argv[1])), []
    app.notify = lambda text, **_: toasts.append(text)
    async with app.run_test(size=(140, 45)) as pilot:
        await pilot.press("f3")
        await until(pilot, lambda: any(table.row_count for table in app.screen.query(RunTable)))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: toasts)
    print(toasts[0])
asyncio.run(main())
"""


@pytest.fixture
def run(new_run: Callable[..., RunFolder]) -> RunFolder:
    """A live run, whose worker is this process, with a checkpoint."""
    run = new_run()
    EventLog(run.events).append("train", 1, loss=2.0)
    with checkpoints.draft(run, 1) as folder:
        (folder / "weights").write_text("weights")
    Status.of_this_process(state="running", step=1, total=6).save(run.status_file)
    return run


@pytest.fixture
def read_only(runs: Runs) -> Call:
    """Run Python with the runs mounted read-only."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, to mount a folder read-only")
    runs.root.mkdir(parents=True, exist_ok=True)

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        mount = ["unshare", "-rm", "sh", "-c", MOUNTED, "sh", str(runs.root)]
        return subprocess.run([*mount, *words], capture_output=True, text=True, check=False)

    if call("true").returncode:
        pytest.skip("this user may not mount")
    assert call("touch", str(runs.root / "x")).returncode != 0
    return call


@pytest.fixture
def ftwb(read_only: Call) -> Call:
    return lambda *words: read_only(sys.executable, "-m", "workbench", *words)


@pytest.mark.parametrize("words", [("runs", "--json"), ("show", "last", "--json")])
def test_reading_commands_work_on_a_read_only_file_system(
    ftwb: Call, run: RunFolder, words: tuple[str, ...]
) -> None:
    ended = ftwb(*words)
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    summary = summary[0] if isinstance(summary, list) else summary
    assert (summary["id"], summary["state"], summary["loss"]) == (run.id, "running", 2.0)


@pytest.mark.parametrize(
    ("state", "words"),
    [("running", ("stop", "last")), ("failed", ("resume", "last"))],
)
def test_writing_commands_say_why_they_cannot(
    ftwb: Call, run: RunFolder, state: str, words: tuple[str, ...]
) -> None:
    run.status().model_copy(update={"state": state}).save(run.status_file)
    ended = ftwb(*words)
    assert ended.returncode == 3, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"ftwb: {run.path}")
    assert line.endswith("cannot be written: Read-only file system")
    assert run.status().state == state


def test_a_report_that_cannot_be_written_is_an_error(
    ftwb: Call, trained: Callable[..., tuple[RunFolder, RunView]]
) -> None:
    run, _ = trained("training.max_steps=1")
    ended = ftwb("evaluate", "last", "--size", "none")
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    message = ended.stderr.splitlines()[-1]
    assert message == f"ftwb: {run.report}: cannot be written: Read-only file system"


def test_no_run_is_created(ftwb: Call, run: RunFolder, runs: Runs) -> None:
    ended = ftwb("train", str(run.recipe_file))
    assert ended.returncode == 3, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line == (
        f"ftwb: {runs.root}: cannot create a run: Read-only file system; set FTWB_HOME or "
        "--runs-dir to a folder of yours with space"
    )
    assert runs.list() == [run]


def test_the_workbench_lists_runs_and_says_why_it_cannot_stop_one(
    read_only: Call, run: RunFolder, runs: Runs
) -> None:
    ended = read_only(sys.executable, "-c", LISTED, str(runs.root))
    assert ended.returncode == 0, ended.stderr
    assert (
        ended.stdout.strip() == f"{run.control / 'stop'}: cannot be written: Read-only file system"
    )
