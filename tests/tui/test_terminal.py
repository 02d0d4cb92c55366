"""The workbench ends with its terminal, leaves it in order, and does not open without one."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.tui.scripted import make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.runs.folder import Runs

pytestmark = pytest.mark.slow

WORKBENCH = [sys.executable, "-m", "workbench"]
PAINTED = b"ftwb"
STUCK = """
import signal, time
from workbench.tui import app, launch, terminal
from workbench.core import locations
terminal.GRACE = 0.5
app.WorkbenchApp.refresh_machine = lambda self: time.sleep(3600)
launch(locations.runs())
"""
"""The workbench, whose event loop hangs soon after it has started."""


@dataclass
class Pty:
    """A process with a terminal whose other end is ours."""

    pid: int
    end: int
    output: bytes = b""
    code: int | None = field(default=None)

    def read_until(self, text: bytes, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert time.monotonic() < deadline, self.output[-2000:]
            self._read()
            time.sleep(0.02)

    def wait(self, seconds: float) -> int:
        """The exit code; what is written meanwhile is read."""
        deadline = time.monotonic() + seconds
        while self.code is None:
            assert time.monotonic() < deadline, "still alive"
            self._read()
            self._reap(os.WNOHANG)
            time.sleep(0.02)
        return self.code

    def close(self) -> None:
        os.close(self.end)
        self.end = -1

    def kill(self) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self._reap(0)
        if self.end >= 0:
            self.close()

    def _reap(self, options: int) -> None:
        pid, status = os.waitpid(self.pid, options)
        if pid:
            self.code = os.waitstatus_to_exitcode(status)

    def _read(self) -> None:
        if self.end >= 0:
            try:
                self.output += os.read(self.end, 1 << 16)
            except OSError:
                return


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Pty]:
    """The workbench in a terminal; a parameter of the test is SIGHUP's disposition or a script."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("PYTHONPATH", os.getcwd())  # noqa: PTH109 - as the parent imports
    wanted = getattr(request, "param", "")
    pid, end = pty.fork()
    if not pid:
        if wanted == "ignored":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        command = [sys.executable, "-c", STUCK] if wanted == "stuck" else WORKBENCH
        os.execv(command[0], command)  # noqa: S606 - in the child of this fork
    os.set_blocking(end, False)
    process = Pty(pid, end)
    yield process
    process.kill()


@pytest.mark.parametrize("opened", ["default", "ignored"], indirect=True)
def test_it_ends_with_its_terminal_whatever_ignores_the_signal(opened: Pty) -> None:
    opened.read_until(PAINTED)
    opened.close()
    assert opened.wait(15) in (128 + signal.SIGHUP, -signal.SIGHUP)


@pytest.mark.parametrize("opened", ["default", "stuck"], indirect=True)
def test_sigterm_leaves_the_terminal_in_order(opened: Pty) -> None:
    opened.read_until(b"\x1b[?2004h")
    time.sleep(2)  # the event loop of the one is stuck by then, the other is idle
    os.kill(opened.pid, signal.SIGTERM)
    assert opened.wait(15) == 128 + signal.SIGTERM
    for mode in ("1000", "1003", "1006", "2004", "1049", "1004"):
        switched_on = opened.output.rfind(f"\x1b[?{mode}h".encode())
        assert opened.output.rfind(f"\x1b[?{mode}l".encode()) > switched_on, mode
    assert opened.output.rfind(b"\x1b[?25h") > opened.output.rfind(b"\x1b[?25l")


@pytest.mark.parametrize("missing", ["stdin", "stdout", "stderr"])
def test_without_a_terminal_it_lists_the_runs_and_the_way_in(
    runs: Runs, tmp_path: Path, missing: str
) -> None:
    run = make_run(runs, "listed")
    ours, terminal = pty.openpty()
    with (tmp_path / "file").open("w+b") as file:
        ends = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
        stdin, stdout, stderr = (ends | {missing: file.fileno()}).values()
        code = subprocess.run(
            WORKBENCH, check=False, timeout=60, stdin=stdin, stdout=stdout, stderr=stderr
        ).returncode
    os.close(terminal)
    os.set_blocking(ours, False)
    shown = (tmp_path / "file").read_bytes() + os.read(ours, 1 << 16)
    os.close(ours)
    assert code == 2
    assert run.id.encode() in shown
    assert b"ssh -t HOST ftwb" in shown
    assert b"\x1b[?1049h" not in shown


@pytest.mark.parametrize("command", [["demo"], ["--runs-dir", "x"]])
def test_no_way_into_the_workbench_works_in_a_pipe(tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(
        [*WORKBENCH, *command],
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.getcwd()},  # noqa: PTH109 - as the parent imports
    )
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
