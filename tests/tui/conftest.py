"""Shared by the tests of the TUI: the app on its own runs folder, and ways to wait for it."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pytest_textual_snapshot import normalize_svg
from textual.widgets import Input, TextArea

from tests.chat.scripted_client import ScriptedClient
from tests.tui.chat_host import Host
from workbench.recipe.recipe import Recipe
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.new_run import NewRunScreen
from workbench.tui.widgets.form.recipe_form import RecipeForm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from textual.app import App
    from textual.pilot import Pilot

    from workbench.runs.folder import RunFolder, Runs

    Arrange = Callable[[Pilot[None]], Awaitable[None]]
    Matches = Callable[[App[None], tuple[int, int], Arrange], bool]

SIZES = [(80, 24), (140, 45)]
NOW = 1_795_780_800.0
"""Noon, 27 November 2026, UTC: the clock of the snapshots."""


async def until(pilot: Pilot[None], condition: Callable[[], object], turns: int = 3000) -> None:
    """Let the app work until ``condition`` holds; fail if it never does."""
    for _ in range(turns):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("the screen never reached the expected state")


@asynccontextmanager
async def workbench(
    runs: Runs,
    size: tuple[int, int] = (140, 45),
    run: RunFolder | None = None,
    *,
    form: bool = False,
) -> AsyncIterator[tuple[WorkbenchApp, Pilot[None]]]:
    """The app on ``runs``: with the live view of ``run``, with the form, or the list of runs."""
    app = WorkbenchApp(runs.root, mode="new" if form else "runs", run=run)
    async with app.run_test(size=size) as pilot:
        yield app, pilot
        if app.current_mode == "new":
            await form_of(app, pilot)  # Textual fails when it is left while it mounts


async def form_of(app: WorkbenchApp, pilot: Pilot[None]) -> RecipeForm:
    """The form of the new-run screen, once it has assessed its first recipe."""
    await until(pilot, lambda: app.screen.query(RecipeForm))
    screen = app.screen
    assert isinstance(screen, NewRunScreen)
    await until(pilot, lambda: screen.assessment is not None)
    return screen.query_one(RecipeForm)


@pytest.fixture(autouse=True)
def no_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are counted by a separate process, which these tests do without."""

    async def count(_recipe: object) -> int:
        return 12_345

    monkeypatch.setattr("workbench.tui.assessment.count_tokens", count)


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages of all toasts, also of those that a slow machine is too late to see."""
    messages: list[str] = []
    notify = WorkbenchApp.notify

    def record(self: WorkbenchApp, message: str, **options: Any) -> None:
        messages.append(message)
        notify(self, message, **options)

    monkeypatch.setattr(WorkbenchApp, "notify", record)
    return messages


@pytest.fixture
def pinned(runs: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Runs]:
    """The runs of a machine on which nothing differs from one test run to the next.

    Clock, time zone, home folder, machine and terminal are fixed, so that ids, ages and paths are
    the same everywhere.
    """
    for name in ("NO_COLOR", "TEXTUAL_ANIMATIONS", "TMUX", "STY", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr("workbench.hardware.summary.machine_summary", lambda: "H100 80 GB")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield runs
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def matches_snapshot(snap_compare: Callable[..., bool], pinned: Runs) -> Matches:
    """Compare a screen with its SVG in ``__snapshots__``; ``--snapshot-update`` accepts it.

    Give it the app, the size of the terminal, and what to do until the screen shows everything;
    the screenshot is taken once the screen has stopped changing.
    """
    del pinned

    def compare(
        app: App[None],
        size: tuple[int, int],
        arrange: Arrange,
    ) -> bool:
        async def arrange_and_settle(pilot: Pilot[None]) -> None:
            await arrange(pilot)
            await settle(pilot)

        return snap_compare(app, terminal_size=size, run_before=arrange_and_settle)

    return compare


async def settle(pilot: Pilot[None], same: int = 3) -> None:
    """Wait until several screenshots in a row are the same; cursors stop blinking."""
    for screen in pilot.app.screen_stack:
        for widget in (*screen.query(Input), *screen.query(TextArea)):
            widget.cursor_blink = False
    screenshots: list[str] = []
    while len(screenshots) < same or len(set(screenshots[-same:])) > 1:
        await pilot.pause(0.02)
        screenshots.append(normalize_svg(pilot.app.export_screenshot()))


@pytest.fixture
def host_of(runs: Runs) -> Callable[..., Host]:
    """Chats with their own runs, each with an engine that plays the given scripts."""

    def make(*scripts: Any, **options: Any) -> Host:
        return Host(runs.create(Recipe(name="support")), ScriptedClient(*scripts, **options))

    return make


@pytest.fixture
def fixed_draws(monkeypatch):
    """Fix the next draws of blind mode, in order."""

    def fix(*assignments):
        upcoming = list(assignments)
        monkeypatch.setattr("workbench.chat.blind.shuffle_lanes", lambda: upcoming.pop(0))

    return fix
