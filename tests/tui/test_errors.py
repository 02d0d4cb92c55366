"""No error vanishes: each becomes a dialog, with its traceback in the log."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, ClassVar
from unittest.mock import Mock

import pytest
from textual import on, work
from textual.message import Message

from tests.tui.conftest import until, workbench
from tests.tui.looking import screen_text
from tests.tui.scripted import make_run, write_steps
from workbench.core import locations
from workbench.core.errors import FtwbError, MachineError
from workbench.runs.run_index import RunIndex
from workbench.runs.view import RunFollower
from workbench.tui import launch, terminal
from workbench.tui.app import WorkbenchApp
from workbench.tui.clipboard import CopyingApp
from workbench.tui.screens.base import Dialog, WorkbenchScreen
from workbench.tui.screens.error import ErrorScreen
from workbench.tui.screens.live import LiveScreen

if TYPE_CHECKING:
    from textual.app import App
    from textual.pilot import Pilot

    from workbench.runs.folder import Runs
    from workbench.runs.run_index import RunRow
    from workbench.runs.view import RunView

DENIED = PermissionError(13, "Permission denied", "/runs")


class Workers:
    """One worker of each kind, for every class that may start workers."""

    @work(thread=True, name="counting in a thread")
    def in_thread(self, error: Exception) -> None:
        raise error

    @work(name="counting")
    async def in_loop(self, error: Exception) -> None:
        raise error


class HostApp(Workers, CopyingApp):
    """An app with a screen and a dialog on it."""

    def on_mount(self) -> None:
        self.push_screen(HostScreen())
        self.push_screen(HostDialog())


class HostScreen(WorkbenchScreen, Workers):
    pass


class HostDialog(Dialog[None], Workers):
    pass


def shown(app: App[None]) -> ErrorScreen:
    assert isinstance(app.screen, ErrorScreen)
    return app.screen


async def close_error(app: App[None], pilot: Pilot[None]) -> None:
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(app.screen, ErrorScreen))


@pytest.mark.parametrize("owner", ["app", "screen", "dialog"])
@pytest.mark.parametrize("kind", ["in_thread", "in_loop"])
async def test_a_failed_worker_opens_a_dialog_and_logs_its_traceback(owner: str, kind: str) -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, HostDialog))
        owners = {"app": app, "dialog": app.screen, "screen": app.screen_stack[-2]}
        getattr(owners[owner], kind)(KeyError("x"))
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        assert shown(app).failure.title.startswith("Counting")
        assert shown(app).failure.title.endswith("failed")
        assert shown(app).failure.message == "KeyError: 'x'"
        assert "ftwb.log" in shown(app).failure.advice
        await close_error(app, pilot)
        assert isinstance(app.screen, HostDialog)
    log = locations.log_file().read_text()
    assert f"in {kind}\n" in log
    assert log.endswith("KeyError: 'x'\n\n")


async def test_an_error_of_ftwb_speaks_for_itself() -> None:
    app = HostApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HostDialog))
        app.in_thread(MachineError("/data: no disk space left for a run; [b]free[/b] \x1b[2Jsome"))
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await until(pilot, lambda: "no disk space left for a run" in screen_text(app))
        assert "Counting in a thread failed" in screen_text(app)
        assert "[b]free[/b] ␛[2Jsome" in screen_text(app)
        assert "MachineError" not in screen_text(app)
        await pilot.press("c")
        assert app.clipboard.startswith("Counting in a thread failed\n/data: no disk space left")


async def test_an_action_that_fails_again_is_reported_again() -> None:
    app = HostApp()
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, HostDialog))
        for _ in range(2):
            app.in_thread(ValueError("no"))
            await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
            await close_error(app, pilot)


@pytest.mark.slow
async def test_an_unreadable_list_of_runs_is_reported_once_and_recovers(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(runs)
    attempts: list[Exception | None] = []
    failure: Exception | None = DENIED
    read = RunIndex.read

    def read_or_fail(self: RunIndex) -> tuple[RunRow, ...]:
        attempts.append(failure)
        if failure:
            raise failure
        return read(self)

    monkeypatch.setattr(RunIndex, "read", read_or_fail)
    async with workbench(runs) as (app, pilot):

        async def read_again(times: int = 3) -> None:
            wanted = len(attempts) + times
            while len(attempts) < wanted:
                app.refresh_rows()
                await pilot.pause(0.01)

        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        assert shown(app).failure.title == "Reading the list of runs failed"
        assert shown(app).failure.message == (
            "PermissionError: [Errno 13] Permission denied: '/runs'"
        )
        await close_error(app, pilot)
        await read_again()
        assert not isinstance(app.screen, ErrorScreen)
        assert locations.log_file().read_text().count("PermissionError:") == 1

        failure = OSError(5, "Input/output error")
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        assert "Input/output error" in shown(app).failure.message
        await close_error(app, pilot)

        failure = None
        await until(pilot, lambda: len(app.rows) == 1)

        failure = OSError(5, "Input/output error")
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await close_error(app, pilot)


async def test_the_live_screen_recovers_while_its_error_is_shown(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    broken = True
    poll = RunFollower.poll

    def poll_or_fail(self: RunFollower, most: int = 0) -> RunView:
        if broken:
            raise DENIED
        return poll(self, most)

    monkeypatch.setattr(RunFollower, "poll", poll_or_fail)
    async with workbench(runs, run=run) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        assert shown(app).failure.title == "Reading the run failed"
        broken = False
        live = app.screen_stack[-2]
        assert isinstance(live, LiveScreen)
        await until(pilot, lambda: live.view.run)
        await close_error(app, pilot)
        assert app.screen is live


class Boom(Message):
    """Makes the app below fail."""


class FragileApp(WorkbenchApp):
    CSS_PATH = inspect.getfile(WorkbenchApp).replace(".py", ".tcss")
    HANDLED: ClassVar[list[str]] = []

    @on(Boom)
    def fail(self) -> None:
        raise RuntimeError("a handler failed")


async def test_an_exception_of_a_message_handler_is_logged_before_textual_ends(runs: Runs) -> None:
    app = FragileApp(runs.root, mode="runs")

    async def post_boom() -> None:
        async with app.run_test() as pilot:
            app.post_message(Boom())
            await pilot.pause()

    with pytest.raises(RuntimeError, match="a handler failed"):
        await post_boom()
    log = locations.log_file().read_text()
    assert "handling a message\nTraceback" in log
    assert log.endswith("RuntimeError: a handler failed\n\n")


def test_a_workbench_that_crashed_names_the_log(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "has_terminal", lambda: True)
    monkeypatch.setattr(terminal, "TerminalWatch", lambda _app: Mock())
    monkeypatch.setattr(WorkbenchApp, "run", lambda _self: None)
    launch(runs.root)
    monkeypatch.setattr(WorkbenchApp, "return_code", 1)
    with pytest.raises(FtwbError, match=r"ftwb\.log, which 'ftwb doctor --bundle FILE\.zip' packs"):
        launch(runs.root)
