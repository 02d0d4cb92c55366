"""Shared by the TUI's tests: the app on a runs folder of its own, and a way to wait for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.chat.scripted_client import ScriptedClient
from tests.tui.chat_host import Host
from workbench.recipe.recipe import Recipe
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.new_run import NewRunScreen
from workbench.tui.widgets.form.recipe_form import RecipeForm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

    from workbench.runs.folder import RunFolder, Runs

SIZES = [(80, 24), (140, 45)]


async def until(pilot: Pilot[None], condition: Callable[[], object], turns: int = 3000) -> None:
    """Let the app work until ``condition`` holds; fail when it never does."""
    for _ in range(turns):
        if condition():
            return
        await pilot.pause(0.01)
    pytest.fail("the screen never came to the expected state")


@asynccontextmanager
async def workbench(
    runs: Runs, size: tuple[int, int] = (140, 45), run: RunFolder | None = None
) -> AsyncIterator[tuple[WorkbenchApp, Pilot[None]]]:
    """The app on ``runs``, ended afterwards."""
    app = WorkbenchApp(runs.root, run=run)
    async with app.run_test(size=size) as pilot:
        yield app, pilot
        if app.current_mode == "new":
            await form_of(app, pilot)  # Textual does not like to be left while it mounts


async def form_of(app: WorkbenchApp, pilot: Pilot[None]) -> RecipeForm:
    """The form of the new-run screen, once it has assessed its first recipe."""
    await until(pilot, lambda: app.screen.query(RecipeForm))
    screen = app.screen
    assert isinstance(screen, NewRunScreen)
    await until(pilot, lambda: screen.assessment is not None)
    return screen.query_one(RecipeForm)


@pytest.fixture(autouse=True)
def no_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are counted by a process of its own, which these tests do without."""

    async def count(_recipe: object) -> int:
        return 12_345

    monkeypatch.setattr("workbench.tui.assessment.count_tokens", count)


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the app tells in toasts, also those that were gone before a slow machine could look."""
    told: list[str] = []
    notify = WorkbenchApp.notify

    def keep(self: WorkbenchApp, message: str, **options: Any) -> None:
        told.append(message)
        notify(self, message, **options)

    monkeypatch.setattr(WorkbenchApp, "notify", keep)
    return told


@pytest.fixture
def host_of(runs: Runs) -> Callable[..., Host]:
    """Chats with a run of its own, each with an engine that plays the given scripts."""

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
