"""The app itself: help, palette, themes and what it remembers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from textual.command import CommandPalette
from textual.widgets import OptionList, Static

from tests.tui.conftest import form_of, until, workbench
from tests.tui.scripted import make_run, write_steps
from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.tui.commands import commands_of
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.live import LiveScreen
from workbench.tui.screens.new_run import NewRunScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.settings import DEFAULT_THEME, Settings, settings_file
from workbench.tui.theming import read_theme, read_themes, theme_files

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import Runs

pytestmark = pytest.mark.slow


async def test_the_first_screen_is_the_form_and_its_footer_launches(runs: Runs) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        await form_of(app, pilot)
        assert isinstance(app.screen, NewRunScreen)
        assert app.current_mode == "new"
        shown = [e.label for e in commands_of(app.screen)]
        assert {"Launch", "Models", "Preview", "Find", "Help", "Quit"} <= set(shown)


async def test_opening_a_run_does_not_mount_the_large_form(runs: Runs) -> None:
    async with workbench(runs, run=make_run(runs)) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert [type(screen) for screen in app.screen_stack] == [RunsScreen, LiveScreen]
        with pytest.raises(KeyError):
            app.get_screen_stack("new")
        await pilot.press("1")
        await form_of(app, pilot)


@pytest.mark.parametrize("key", ["f1", "question_mark"])
async def test_help_lists_every_command_of_the_screen_below(runs: Runs, key: str) -> None:
    async with workbench(runs, (80, 24), form=True) as (app, pilot):
        await form_of(app, pilot)
        below = app.screen
        commands = commands_of(below)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert isinstance(app.screen, HelpScreen)
        assert str(app.screen.query_one("#about", Static).visual) == NewRunScreen.ABOUT
        assert {entry.label for entry in app.screen.entries} == {entry.label for entry in commands}
        launch = next(entry for entry in app.screen.entries if entry.action == "launch")
        assert launch.keys == ("^l", "F5")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is below)


async def test_the_palette_runs_the_same_commands(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs, run=run) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"list of runs")
        options = app.screen.query_one(OptionList)
        await until(pilot, lambda: options.option_count == 1 and options.highlighted == 0)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_numbers_and_function_keys_go_to_the_five_places(runs: Runs) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        await form_of(app, pilot)
        for key, mode in [
            ("2", "runs"),
            ("3", "chat"),
            ("4", "report"),
            ("5", "compare"),
            ("1", "new"),
            ("f9", "report"),
            ("f4", "chat"),
            ("f2", "new"),
        ]:
            await pilot.press(key)
            await until(pilot, partial(lambda wanted: app.current_mode == wanted, mode))


async def test_the_mouse_goes_to_a_tab(runs: Runs) -> None:
    async with workbench(runs, form=True) as (app, pilot):
        await form_of(app, pilot)
        await pilot.click("TopBar", offset=(22, 0))
        await until(pilot, lambda: app.current_mode == "runs")


def test_at_least_four_themes_are_shipped_and_valid() -> None:
    names = theme_files()
    themes, complaints = read_themes(names)
    assert complaints == []
    assert len(themes) >= 4
    assert DEFAULT_THEME in names
    assert any(not theme.dark for theme in themes)


async def test_every_theme_can_be_applied(runs: Runs) -> None:
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: app.listed)
        for name in theme_files():
            app.theme = name
            await pilot.pause()
            assert app.current_theme.name == name


async def test_the_chosen_theme_is_remembered(runs: Runs) -> None:
    async with workbench(runs) as (app, pilot):
        assert app.theme == DEFAULT_THEME
        await until(pilot, lambda: app.listed)
        app.theme = "paper"
        await until(pilot, lambda: settings_file().exists())
    assert Settings.read() == Settings(theme="paper")
    async with workbench(runs) as (app, pilot):
        assert app.theme == "paper"


async def test_the_users_own_theme_is_offered(runs: Runs) -> None:
    own = locations.home() / "themes"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text("primary = '#ff0000'\ndark = false\n")
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: "mine" in app.available_themes)


async def test_a_broken_theme_gives_the_default_and_a_toast(runs: Runs, toasts: list[str]) -> None:
    own = locations.home() / "themes"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text("primary = 'octarine'\n")
    Settings(theme="mine").save()
    async with workbench(runs) as (app, pilot):
        assert app.theme == DEFAULT_THEME
        await until(pilot, lambda: toasts)
    assert "primary is not a colour: 'octarine'" in toasts[0]


@pytest.mark.parametrize("text", ["{", "[]", '{"theme": 3}', '{"colour": "red"}'])
async def test_settings_that_cannot_be_read_give_the_defaults_and_a_toast(
    runs: Runs, toasts: list[str], text: str
) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text(text)
    with pytest.raises(BadInputError, match=r"settings\.json"):
        Settings.read()
    async with workbench(runs) as (app, pilot):
        assert app.theme == DEFAULT_THEME
        await until(pilot, lambda: any("settings.json" in toast for toast in toasts))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("dark = true", "'primary' is missing"),
        ("primary = 'red'\nshine = 3", "no such field: shine"),
        ("primary = 'red'\nvariables = 3", "variables must be a mapping"),
        ("primary = [", "cannot be read"),
    ],
)
def test_a_broken_theme_file_gives_a_one_line_error(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(BadInputError, match=complaint):
        read_theme(path)
