"""Protections in the form: a tick each, fields below while it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.conftest import form_of, until, workbench
from workbench.recipe import yaml_io
from workbench.tui.assessment import changes, plain
from workbench.tui.screens.new_run import NewRunScreen
from workbench.tui.widgets.form.switch_fields import SwitchFields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import Runs

pytestmark = pytest.mark.slow


async def test_a_tick_puts_the_protection_into_the_recipe(runs: Runs) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        screen = app.screen
        assert isinstance(screen, NewRunScreen)
        assert form.row("retention.replay.share") is None
        form.query_one("#switch-retention-replay", SwitchFields).tick.toggle()
        await until(
            pilot, lambda: screen.assessment and "replay" in _active(screen.assessment.recipe)
        )
        row = form.row("retention.replay.share")
        assert row is not None
        assert row.region.height == 1
        assert set(_active(screen.assessment.recipe)) == {"replay"}


async def test_a_recipe_with_a_protection_fills_its_fields(runs: Runs) -> None:
    recipe = yaml_io.validate({"retention": {"ewc": {"strength": 3.0}}})
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        form.fill(plain(recipe))
        assert yaml_io.validate(form.values()).retention == recipe.retention
        form.fill(plain(yaml_io.validate({})))
        assert yaml_io.validate(form.values()).retention.active() == {}


def test_switching_is_written_as_changes() -> None:
    off = yaml_io.validate({})
    on = yaml_io.validate({"retention": {"l2sp": {"strength": 2}}})
    assert "retention.l2sp.strength=2.0" in changes(on, off)
    assert changes(off, on) == ["retention.l2sp=null"]
    assert yaml_io.validate(yaml_io.override(plain(off), changes(on, off))) == on
    assert yaml_io.validate(yaml_io.override(plain(on), changes(off, on))) == off


def _active(recipe: Recipe | None) -> Mapping[str, object]:
    return recipe.retention.active() if recipe else {}
