"""A sweep from the form: what is typed is what is queued, all of it or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from textual.widgets import Input, Select, Static

from tests.tui.conftest import SIZES, form_of, until, workbench
from workbench.runs import launch
from workbench.runs.sweeps import members
from workbench.tui.screens.choose import ChooseScreen
from workbench.tui.screens.new_run import NewRunScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.screens.sweep import Axis, SweepScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from workbench.runs.folder import RunFolder, Runs
    from workbench.strategies.lora import LoraStrategy
    from workbench.tui.app import WorkbenchApp

pytestmark = pytest.mark.slow


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """What would have been launched, in order."""
    runs: list[RunFolder] = []
    monkeypatch.setattr(launch, "launch", runs.append)
    return runs


async def _filled(app: WorkbenchApp, pilot: Pilot[None], tiny_model: Path, rows: Path) -> None:
    """The form with a recipe for the tiny model."""
    form = await form_of(app, pilot)
    values = {
        "model.id": str(tiny_model),
        "data.train": str(rows),
        "evaluation.size": "none",
        "evaluation.general_text": "",
        "name": "grid",
    }
    for path, value in values.items():
        row = form.row(path)
        assert row is not None
        row.set_value(value)


async def _choose(app: WorkbenchApp, pilot: Pilot[None], path: str) -> SweepScreen:
    """Take the field of that path into the sweep."""
    await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
    await until(pilot, lambda: app.screen.query(Input))
    app.screen.query_one(Input).value = path
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, SweepScreen))
    screen = app.screen
    assert isinstance(screen, SweepScreen)
    await until(pilot, lambda: any(axis.field.path == path for axis in screen.query(Axis)))
    return screen


async def _leave(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, NewRunScreen))


def _type(screen: SweepScreen, path: str, text: str) -> None:
    (axis,) = [axis for axis in screen.query(Axis) if axis.field.path == path]
    axis.control.value = text


def _outcome(screen: SweepScreen) -> str:
    return str(screen.query_one("#outcome", Static).visual)


@pytest.mark.parametrize("size", SIZES)
async def test_a_grid_is_counted_while_it_is_typed_and_queued_by_enter(
    runs: Runs,
    toasts: list[str],
    tiny_model: Path,
    rows: Path,
    launched: list[RunFolder],
    size: tuple[int, int],
) -> None:
    async with workbench(runs, size, form=True) as (app, pilot):
        await _filled(app, pilot, tiny_model, rows)
        await pilot.press("ctrl+s")
        screen = await _choose(app, pilot, "training.learning_rate")
        await until(pilot, lambda: _outcome(screen).startswith("✓ 1 run\n"))
        _type(screen, "training.learning_rate", "1e-4, 5e-4")
        await pilot.press("ctrl+n")
        await _choose(app, pilot, "strategy.r")
        _type(screen, "strategy.r", "4,8,16")
        await until(pilot, lambda: _outcome(screen).startswith("✓ 6 runs\n"))
        assert _outcome(screen).splitlines()[1] == "grid-learning_rate-1e-4-r-4"
        for widget in screen.query("*"):
            assert widget.region.right <= size[0], widget
            assert widget.region.bottom <= size[1], widget
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        recipes = [run.recipe() for run in launched]
        strategies = [cast("LoraStrategy", recipe.strategy) for recipe in recipes]
        rates = [recipe.training.learning_rate for recipe in recipes]
        assert list(zip(rates, [strategy.r for strategy in strategies], strict=True)) == [
            (rate, rank) for rate in (1e-4, 5e-4) for rank in (4, 8, 16)
        ]
        assert members(runs, "last") == launched
        assert any(
            "-grid: 6 runs queued; compare them with 5, then w." in toast for toast in toasts
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("8,0", "strategy.r=0: grid: strategy.r: must be at least 1, got 0"),
        ("8,,16", "strategy.r: a value is missing beside a comma"),
        ("8,8", "strategy.r: duplicate value"),
    ],
)
async def test_an_invalid_value_is_reported_and_queues_nothing(
    runs: Runs,
    tiny_model: Path,
    rows: Path,
    launched: list[RunFolder],
    values: str,
    message: str,
) -> None:
    async with workbench(runs, (80, 24), form=True) as (app, pilot):
        await _filled(app, pilot, tiny_model, rows)
        await pilot.press("ctrl+s")
        screen = await _choose(app, pilot, "strategy.r")
        _type(screen, "strategy.r", values)
        await until(pilot, lambda: message in " ".join(_outcome(screen).split()))
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        assert app.screen is screen
        assert (launched, runs.list()) == ([], [])
        await _leave(app, pilot)


async def test_every_run_is_checked_against_its_files_before_the_first_is_made(
    runs: Runs, tiny_model: Path, rows: Path, launched: list[RunFolder]
) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        await _filled(app, pilot, tiny_model, rows)
        await pilot.press("ctrl+s")
        screen = await _choose(app, pilot, "data.train")
        _type(screen, "data.train", f"{rows},nowhere.jsonl")
        await until(pilot, lambda: _outcome(screen).startswith("✓ 2 runs"))
        await pilot.press("enter")
        await until(pilot, lambda: _outcome(screen).startswith("✗"))
        assert "nowhere.jsonl" in _outcome(screen)
        assert (launched, runs.list()) == ([], [])
        await _leave(app, pilot)


async def test_a_field_starts_with_what_the_form_has(
    runs: Runs, tiny_model: Path, rows: Path
) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        await _filled(app, pilot, tiny_model, rows)
        form = await form_of(app, pilot)
        app.screen.query_one("#kind-strategy", Select).value = "lora"
        targets = form.row("strategy.target_modules")
        assert targets is not None
        targets.set_value(["q_proj", "v_proj"])
        await pilot.press("ctrl+s")
        screen = await _choose(app, pilot, "strategy.target_modules")
        await pilot.press("ctrl+n")
        await _choose(app, pilot, "training.gradient_checkpointing")
        assert screen.axes() == {
            "strategy.target_modules": "[q_proj, v_proj]",
            "training.gradient_checkpointing": "false",
        }
        _type(screen, "training.gradient_checkpointing", "false,true")
        await until(pilot, lambda: _outcome(screen).startswith("✓ 2 runs"))
        await _leave(app, pilot)


async def test_without_a_field_there_is_no_sweep(runs: Runs, tiny_model: Path, rows: Path) -> None:
    async with workbench(runs, (80, 24), form=True) as (app, pilot):
        await _filled(app, pilot, tiny_model, rows)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await _leave(app, pilot)
