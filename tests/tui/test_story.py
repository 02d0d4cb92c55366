"""The demo inside the workbench: the chat opens once every chapter is finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.recipe.recipe import Recipe
from workbench.runs.status import Status
from workbench.tui.app import WorkbenchApp
from workbench.tui.run_index import RunIndex
from workbench.tui.story import Story

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs


def finish(run: RunFolder, state: str = "finished") -> None:
    Status.of_this_process(state=state).save(run.status_file)


@pytest.fixture
def chapters(runs: Runs) -> tuple[RunFolder, RunFolder]:
    return runs.create(Recipe(name="one")), runs.create(Recipe(name="two"))


def test_it_is_over_when_every_chapter_is_finished(
    runs: Runs, chapters: tuple[RunFolder, RunFolder]
) -> None:
    first, second = chapters
    story = Story(first.id, ("one", "two"), "Why?")
    listed = RunIndex(runs.root)
    assert not story.is_over(listed.read())
    finish(first)
    assert not story.is_over(listed.read())
    finish(second, "failed")
    assert not story.is_over(listed.read())


def test_runs_of_an_earlier_telling_do_not_count(
    runs: Runs, chapters: tuple[RunFolder, RunFolder]
) -> None:
    for run in chapters:
        finish(run)
    listed = RunIndex(runs.root).read()
    assert Story(chapters[0].id, ("one", "two"), "").is_over(listed)
    assert not Story("99991231-235959-one", ("one", "two"), "").is_over(listed)


async def test_the_chat_opens_with_the_question_ready(
    runs: Runs, chapters: tuple[RunFolder, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[RunFolder, str]] = []
    monkeypatch.setattr(
        WorkbenchApp, "open_chat", lambda _app, run, question="": opened.append((run, question))
    )
    for run in chapters:
        finish(run)
    app = WorkbenchApp(runs.root, story=Story(chapters[0].id, ("one", "two"), "Why?"))
    async with app.run_test() as pilot:
        while not app.rows:
            await pilot.pause()
        await pilot.pause()
    assert opened == [(chapters[0], "Why?")]
