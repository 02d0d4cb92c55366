"""The demo inside the workbench: the chat opens once all its runs have finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.recipe.recipe import Recipe
from workbench.runs.run_index import RunIndex
from workbench.runs.status import Status
from workbench.tui.app import WorkbenchApp
from workbench.tui.demo_tour import DemoTour

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs

pytestmark = pytest.mark.slow


def finish(run: RunFolder, state: str = "finished") -> None:
    Status.of_this_process(state=state).save(run.status_file)


@pytest.fixture
def demo_runs(runs: Runs) -> tuple[RunFolder, RunFolder]:
    return runs.create(Recipe(name="one")), runs.create(Recipe(name="two"))


def test_it_ends_when_all_its_runs_have_finished(
    runs: Runs, demo_runs: tuple[RunFolder, RunFolder]
) -> None:
    first, second = demo_runs
    tour = DemoTour(first.id, ("one", "two"), "Why?")
    listed = RunIndex(runs.root)
    assert not tour.is_finished(listed.read())
    finish(first)
    assert not tour.is_finished(listed.read())
    finish(second, "failed")
    assert not tour.is_finished(listed.read())


def test_runs_of_an_earlier_demo_do_not_count(
    runs: Runs, demo_runs: tuple[RunFolder, RunFolder]
) -> None:
    for run in demo_runs:
        finish(run)
    listed = RunIndex(runs.root).read()
    assert DemoTour(demo_runs[0].id, ("one", "two"), "").is_finished(listed)
    assert not DemoTour("99991231-235959-one", ("one", "two"), "").is_finished(listed)


async def test_the_chat_opens_with_the_question_ready(
    runs: Runs, demo_runs: tuple[RunFolder, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[RunFolder, str]] = []
    monkeypatch.setattr(
        WorkbenchApp, "open_chat", lambda _app, run, question="": opened.append((run, question))
    )
    for run in demo_runs:
        finish(run)
    app = WorkbenchApp(runs.root, tour=DemoTour(demo_runs[0].id, ("one", "two"), "Why?"))
    async with app.run_test() as pilot:
        while not app.rows:
            await pilot.pause()
        await pilot.pause()
    assert opened == [(demo_runs[0], "Why?")]
