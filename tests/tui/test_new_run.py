"""The new-run screen launches what it shows, and nothing invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input, Select

from tests.tui.conftest import SIZES, form_of, until, workbench
from workbench.core.formatting import number
from workbench.recipe import yaml_io
from workbench.recipe.recipe import Recipe
from workbench.tui.assessment import plain
from workbench.tui.forms import flat, groups_of
from workbench.tui.screens.error import ErrorScreen
from workbench.tui.screens.live import LiveScreen
from workbench.tui.screens.new_run import NewRunScreen
from workbench.tui.widgets.form.field_row import FieldRow
from workbench.tui.widgets.form.summary import Summary

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs
    from workbench.tui.widgets.form.recipe_form import RecipeForm

pytestmark = pytest.mark.slow


def _set(form: RecipeForm, path: str, value: object) -> None:
    row = form.row(path)
    assert row is not None
    row.set_value(value)


@pytest.mark.parametrize("size", SIZES)
async def test_every_recipe_field_has_a_control(runs: Runs, size: tuple[int, int]) -> None:
    async with workbench(runs, size, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        shown = {row.field.path for row in form.query(FieldRow)}
        assert shown == {e.path for group in groups_of(Recipe) for e in group.every_field()}


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_is_wider_than_the_screen(runs: Runs, size: tuple[int, int]) -> None:
    async with workbench(runs, size, form=True) as (app, pilot):
        await form_of(app, pilot)
        for widget in app.screen.query("*"):
            assert widget.region.right <= size[0], widget
        assert app.screen.query_one(Summary).region.height >= 5


async def test_columns_are_written_in_one_line(runs: Runs) -> None:
    wanted = yaml_io.validate({"data": {"columns": {"prompt": "Frage", "completion": "Antwort"}}})
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        form.fill(plain(wanted))
        row = form.row("data.columns")
        assert row is not None
        assert row.value == "prompt=Frage, completion=Antwort"
        assert Recipe.model_validate(form.values()).data == wanted.data
        row.set_value({})
        assert Recipe.model_validate(form.values()).data.columns == {}


async def test_a_preset_fills_the_form(runs: Runs) -> None:
    wanted = yaml_io.load_file("demo-full")
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        app.screen.query_one("#preset", Select).value = "demo-full"
        screen = app.screen
        assert isinstance(screen, NewRunScreen)
        await until(pilot, lambda: screen.assessment and screen.assessment.recipe == wanted)
        shown = flat(form.values())
        assert shown["strategy.kind"] == "full"
        assert shown["training.learning_rate"] == "1e-3"
        assert shown["name"] == "demo-full"
        assert screen.query_one(Summary).data.command == "ftwb train demo-full"


async def test_an_invalid_value_is_reported_below_its_field_and_is_not_launched(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[RunFolder] = []
    monkeypatch.setattr("workbench.runs.launch.launch", launched.append)
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        _set(form, "training.learning_rate", "5")
        row = form.row("training.learning_rate")
        assert row is not None
        await until(pilot, lambda: row.has_class("-wrong"))
        assert row.error == "must be at most 1, got 5"
        assert app.screen.query_one(Summary).data.problems == 1
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.focused is row.control)
        await app.workers.wait_for_complete()
        assert launched == []
        assert runs.list() == []


async def test_a_corrected_value_removes_the_error(runs: Runs) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        row = form.row("training.num_train_epochs")
        assert row is not None
        row.set_value("none at all")
        await until(pilot, lambda: row.has_class("-wrong"))
        row.set_value("2")
        await until(pilot, lambda: not row.has_class("-wrong"))
        assert row.error == ""


async def test_launching_creates_the_run_with_the_recipe_shown(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    launched: list[RunFolder] = []
    monkeypatch.setattr("workbench.runs.launch.launch", launched.append)
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        _set(form, "model.id", str(tiny_model))
        _set(form, "training.max_steps", "3")
        _set(form, "name", "from-the-form")
        screen = app.screen
        assert isinstance(screen, NewRunScreen)
        summary = screen.query_one(Summary)
        await until(pilot, lambda: "from-the-form" in summary.data.yaml)
        yaml = summary.data.yaml
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        (run,) = launched
        assert runs.list() == [run]
        assert run.recipe_file.read_text() == yaml
        assert run.recipe().training.max_steps == 3
        assert app.current_mode == "runs"


async def test_what_was_just_typed_is_launched_too(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    monkeypatch.setattr("workbench.runs.launch.launch", lambda _run: 1)
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        _set(form, "model.id", str(tiny_model))
        _set(form, "training.max_steps", 77)
        assert isinstance(app.screen, NewRunScreen)
        app.screen.call_next(app.screen.action_launch)
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    assert runs.find("last").recipe().training.max_steps == 77


async def test_a_missing_dataset_is_reported_and_not_launched(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    monkeypatch.setattr("workbench.runs.launch.launch", lambda run: pytest.fail(f"launched {run}"))
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        _set(form, "model.id", str(tiny_model))
        _set(form, "data.train", "nowhere.jsonl")
        summary = app.screen.query_one(Summary)
        await until(pilot, lambda: "nowhere.jsonl" in summary.data.error)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        assert isinstance(app.screen, ErrorScreen)
        assert app.screen.failure.title == "Launching the run failed"
        assert "nowhere.jsonl" in app.screen.failure.message
        await pilot.press("enter")
        assert runs.list() == []


async def test_the_summary_counts_what_is_trained(runs: Runs, tiny_model: Path) -> None:
    from workbench.planning.preflight import preflight

    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        _set(form, "model.id", str(tiny_model))
        summary = app.screen.query_one(Summary)
        await until(pilot, lambda: summary.data.tokens == 12_345)
        screen = app.screen
        assert isinstance(screen, NewRunScreen)
        assert screen.assessment is not None
        assert screen.assessment.recipe is not None
        plan = preflight(screen.assessment.recipe)
        assert summary.data.plan == plan
        assert 0 < plan.trainable < plan.parameters


async def test_a_collapsed_field_is_found_by_its_name(runs: Runs) -> None:
    async with workbench(runs, (80, 24), form=True) as (app, pilot):
        form = await form_of(app, pilot)
        await pilot.press("slash")
        await pilot.press(*"revision")
        await pilot.press("enter")
        row = form.row("model.revision")
        assert row is not None
        await until(pilot, lambda: app.focused is row.control)
        await until(pilot, lambda: form.region.contains_region(row.region))


async def test_another_strategy_shows_its_own_fields(runs: Runs) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        assert form.row("strategy.r")
        app.screen.query_one("#kind-strategy", Select).value = "full"
        await until(pilot, lambda: form.row("strategy.r") is None)
        assert plain(Recipe())["strategy"]["kind"] == "lora"
        assert form.values()["strategy"] == {"kind": "full", "save_dtype": "base"}


async def test_typing_changes_the_command(runs: Runs) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        form.go_to("training.seed")
        row = form.row("training.seed")
        assert row is not None
        assert isinstance(row.control, Input)
        await until(pilot, lambda: app.focused is row.control)
        await pilot.press("backspace", "4", "2")
        summary = app.screen.query_one(Summary)
        await until(pilot, lambda: "training.seed=42" in summary.data.command)


async def test_the_risk_is_shown_and_a_key_adds_the_switch_that_lowers_it(
    runs: Runs, tiny_model: Path
) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        _set(form, "model.id", str(tiny_model))
        _set(form, "training.num_train_epochs", "2")
        summary = app.screen.query_one(Summary)
        await until(
            pilot, lambda: summary.data.plan and "num_train_epochs: 2.0" in summary.data.yaml
        )
        risk = summary.data.plan.risk
        assert risk.level != "low"
        shown = str(summary.query_one("#numbers").render())
        expected = f"KL to base about {number(risk.expected_kl, 2)}"
        assert f"{risk.level.upper()}  {expected}\n{risk.raised_by}\n" in shown
        assert f"→ {risk.remedy.text} would lower it   ^t add" in shown
        assert "rank correlation with measured KL" in shown
        assert "learning rate alone" in shown
        await pilot.press("ctrl+t")
        await until(pilot, lambda: summary.data.plan and summary.data.plan.risk != risk)
        assert summary.data.plan.risk.score == pytest.approx(risk.score - risk.remedy.saves)
        for setting in risk.remedy.settings:
            assert f"--set {setting}" in summary.data.command
