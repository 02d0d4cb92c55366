"""Shared by the tests of the TUI: the app on a runs folder of its own, and a way to wait for it."""

from __future__ import annotations

import inspect
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


class RunsFirst(WorkbenchApp):
    """Starts with the list of runs, which spares most tests the mounting of the recipe form."""

    CSS_PATH = inspect.getfile(WorkbenchApp).replace(".py", ".tcss")
    DEFAULT_MODE = "runs"


async def until(pilot: Pilot[None], condition: Callable[[], object], turns: int = 3000) -> None:
    """Let the app work until ``condition`` holds; fail if it never does."""
    for _ in range(turns):
        if condition():
            return
        await pilot.pause(0.01)
    pytest.fail("the screen never reached the expected state")


@asynccontextmanager
async def workbench(
    runs: Runs,
    size: tuple[int, int] = (140, 45),
    run: RunFolder | None = None,
    *,
    form: bool = False,
) -> AsyncIterator[tuple[WorkbenchApp, Pilot[None]]]:
    """The app on ``runs``: with the live view of ``run``, with the form, or the list of runs."""
    app = WorkbenchApp(runs.root) if form else RunsFirst(runs.root, run=run)
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
