"""New run: the form on one side, its consequences on the other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Horizontal, Vertical
from textual.widgets import Static
from textual.worker import get_current_worker

from workbench.core.errors import FtwbError
from workbench.tui.commands import command
from workbench.tui.labels import size
from workbench.tui.messages import FormReady, Launched, OpenRun
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.widgets.common.top_bar import TopBar
from workbench.tui.widgets.form.summary import Outlook, Summary

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from workbench.models.finding import ModelEntry
    from workbench.recipe.recipe import Recipe
    from workbench.tui.assessment import Assessment
    from workbench.tui.screens.sweep import Queued
    from workbench.tui.widgets.form.field_row import FieldRow
    from workbench.tui.widgets.form.preset_bar import PresetBar
    from workbench.tui.widgets.form.recipe_form import RecipeForm

_PRESET_HINT = "Where to start from; every field below can be changed."
_GATHERING = 0.05
_TYPING_PAUSE = 0.25
_COUNTING_PAUSE = 0.8
_CAUTION = 15.0


class NewRunScreen(WorkbenchScreen):
    """Fill in a recipe, see what it would do, launch it."""

    CSS_PATH = "new_run.tcss"
    AUTO_FOCUS = ""
    ABOUT = (
        "Choose a preset, a base model, data and a strategy. The pane beside the form says what "
        "the run will do and how to start the same run from the command line. Launching starts a "
        "worker of its own: it goes on when this screen, the terminal or the connection is closed."
    )
    BINDINGS: ClassVar = [
        command("ctrl+l,f5", "launch", "Launch", "Start the run shown, in the background."),
        command("ctrl+s", "sweep", "Sweep", "Queue the run shown with several values of a field."),
        command("ctrl+o", "models", "Models", "Choose a base model from what is here."),
        command("ctrl+r", "preview", "Preview", "See how the dataset is read and trained on."),
        command("slash,ctrl+g", "find", "Find", "Jump to a field by its name."),
        command("ctrl+t", "lower_risk", "Lower risk", "Add what lowers it most.", footer=False),
        command("f8", "summary", "Summary", "Numbers, command and YAML on the full screen."),
        command("f6", "copy_command", "Copy command", "Copy the CLI command.", footer=False),
        command("f7", "copy_yaml", "Copy YAML", "Copy the recipe as YAML.", footer=False),
    ]

    def __init__(self) -> None:
        """Start empty; the recipe's fields are read once the screen is painted."""
        super().__init__()
        self._presets: dict[str, Recipe] = {}
        self._preset = ""
        self.assessment: Assessment | None = None
        self._form: RecipeForm | None = None
        self._gathering: Timer | None = None

    def compose(self) -> ComposeResult:
        """Paint the first line at once; the rest follows when it is on the screen."""
        yield TopBar()

    def on_mount(self) -> None:
        """Lay out the panes after the first paint."""
        self.call_after_refresh(self._lay_out)

    async def _lay_out(self) -> None:
        from textual.widgets import Footer

        left = Vertical(Static("reading the recipe …", id="waiting"), id="left", classes="pane")
        left.border_title = "Recipe"
        await self.mount(
            Horizontal(left, Summary(id="summary", classes="pane"), id="body"),
            Static(_PRESET_HINT, id="hint", markup=False),
            Footer(compact=True),
        )
        self._read_form()

    @work(thread=True, exit_on_error=False)
    def _read_form(self) -> None:
        from workbench.recipe.recipe import Recipe
        from workbench.tui import assessment, forms
        from workbench.tui.widgets.form import preset_bar, recipe_form

        del preset_bar, recipe_form  # imported in this thread so that mounting them is quick
        self.post_message(FormReady(forms.groups_of(Recipe), assessment.load_presets()))

    @on(FormReady)
    async def _show_form(self, message: FormReady) -> None:
        from workbench.tui.widgets.form.preset_bar import PresetBar
        from workbench.tui.widgets.form.recipe_form import RecipeForm

        self._presets = message.presets
        form = self._form = RecipeForm(message.groups, id="form")
        self.watch(self.query_one(Summary), "outlook", lambda outlook: form.advise(outlook.plan))
        bar = PresetBar(self._presets)
        left = self.query_one("#left")
        await left.remove_children()
        await left.mount(bar, self._form)
        self.call_after_refresh(self._begin_with, bar.first)

    def _begin_with(self, preset: str) -> None:
        self._use_preset(preset)
        self.query_one("#preset").focus()

    def on_preset_bar_chosen(self, message: PresetBar.Chosen) -> None:
        """Fill the form from another preset."""
        if message.name != self._preset:
            self._use_preset(message.name)

    def _use_preset(self, name: str) -> None:
        from workbench.tui.assessment import plain

        self._preset = name
        if self._form and name in self._presets:
            self._form.fill(plain(self._presets[name]))
        self.assess()

    def assess(self) -> None:
        """Validate the form now; size it up when the typing pauses."""
        from workbench.recipe.recipe import Recipe
        from workbench.tui.assessment import assess

        self._gathering = None
        if self._form is None:
            return
        base = self._presets.get(self._preset) or Recipe()
        result = assess(self._form.values(), self._preset, base)
        changed = self.assessment is None or result.recipe != self.assessment.recipe
        self.assessment = result
        homeless = self._form.complain(result.problems)
        first = str((homeless or result.problems or ("",))[0])
        summary = self.query_one(Summary)
        old = summary.outlook if result.recipe and not changed else Outlook()
        summary.outlook = replace(
            old,
            problems=len(result.problems),
            first_problem=first,
            command=result.command,
            yaml=result.yaml,
            card=result.recipe.strategy.card if result.recipe else None,
        )
        if result.recipe and changed:
            self._size_up(result.recipe)

    @work(exclusive=True, group="size", exit_on_error=False)
    async def _size_up(self, recipe: Recipe) -> None:
        from workbench.tui.assessment import count_tokens, size_up

        await asyncio.sleep(_TYPING_PAUSE)
        summary = self.query_one(Summary)
        try:
            plan = await asyncio.to_thread(size_up, recipe)
            summary.outlook = replace(summary.outlook, plan=plan, trouble="")
            await asyncio.sleep(_COUNTING_PAUSE)
            tokens = await count_tokens(recipe)
            summary.outlook = replace(summary.outlook, tokens=tokens)
        except FtwbError as error:
            summary.outlook = replace(summary.outlook, trouble=str(error))

    def on_recipe_form_changed(self) -> None:
        """Keep the summary true while the user types; a filled form is many changes at once."""
        if self._gathering is None:
            self._gathering = self.set_timer(_GATHERING, self.assess)

    def on_field_row_entered(self, message: FieldRow.Entered) -> None:
        """Say what the field is for."""
        field = message.row.field
        bounds = f" ({field.bounds})" if field.bounds else ""
        self.query_one("#hint", Static).update(f"{field.help}{bounds}")

    def _sound_recipe(self) -> Recipe | None:
        """The form as it stands now; None where it is wrong, and the first wrong field is shown."""
        self.assess()
        assessment = self.assessment
        if assessment is None or self._form is None:
            return None
        if assessment.recipe is None:
            self._form.go_to(assessment.problems[0].path)
            self.notify(str(assessment.problems[0]), severity="error", markup=False)
        return assessment.recipe

    def action_launch(self) -> None:
        """Start the run as the form stands now, or go to the first field that is wrong."""
        if recipe := self._sound_recipe():
            self._launch(recipe)

    def action_sweep(self) -> None:
        """Queue the run as the form stands now with several values of some fields."""
        from workbench.runs.folder import Runs
        from workbench.tui.screens.sweep import SweepScreen

        recipe = self._sound_recipe()
        if recipe and self._form:
            runs = Runs(self.workbench.runs_root)
            self.app.push_screen(SweepScreen(recipe, self._form.rows(), runs), self._swept)

    def _swept(self, queued: Queued | None) -> None:
        if queued is None:
            return
        self.notify(queued.words, markup=False)
        self._caution(queued.caution)
        self.workbench.refresh_rows()
        self.workbench.action_go("runs")

    def _caution(self, caution: str) -> None:
        if caution:
            self.notify(caution, severity="warning", timeout=_CAUTION, markup=False)

    @work(thread=True, exclusive=True, group="launch", exit_on_error=False)
    def _launch(self, recipe: Recipe) -> None:
        from workbench.hardware.session import check_logout
        from workbench.runs import launch
        from workbench.runs.folder import Runs
        from workbench.tui.assessment import size_up

        size_up(recipe)
        if get_current_worker().is_cancelled:  # launch was pressed again meanwhile
            return
        run = Runs(self.workbench.runs_root).create(recipe)
        launch.launch(run)
        logout = check_logout()
        caution = f"{logout.says}; {logout.remedy}." if logout.state == "warn" else ""
        self.post_message(Launched(run, caution))

    @on(Launched)
    def _launched(self, message: Launched) -> None:
        self.notify(f"Launched {message.run.id}.", markup=False)
        self._caution(message.caution)
        self.workbench.refresh_rows()
        self.post_message(OpenRun(message.run))

    def action_lower_risk(self) -> None:
        """Set the switch that the summary offers against forgetting."""
        from workbench.tui.assessment import remedied

        remedy = self.query_one(Summary).outlook.remedy
        if remedy and self._form:
            self._form.fill(remedied(self._form.values(), remedy))
        self.notify(f"Set {remedy.text}." if remedy else "There is no switch to offer here.")

    def action_find(self) -> None:
        """Ask for a field and go there."""
        from workbench.tui.screens.choose import ChooseScreen, Item

        if self._form is None:
            return
        items = [
            Item(row.field.path, row.field.title, f"{row.field.path}   {row.field.help}")
            for row in self._form.rows()
        ]
        self.app.push_screen(ChooseScreen("Find a field", items), self._go_to)

    def _go_to(self, path: str | None) -> None:
        if path and self._form:
            self._form.go_to(path)

    @work(exclusive=True, group="models", exit_on_error=False)
    async def action_models(self) -> None:
        """Choose a base model from what is on this machine, or type a hub id."""
        from workbench.models.finding import list_models
        from workbench.tui.screens.choose import ChooseScreen, Item

        entries = await asyncio.to_thread(list_models)
        items = [Item(entry.id, entry.title, _about(entry)) for entry in entries]
        free = "a hub id or a path, as typed"
        chosen = await self.app.push_screen_wait(ChooseScreen("Base model", items, free=free))
        row = self._form.row("model.id") if self._form else None
        if chosen and row:
            row.set_value(chosen)

    @work(exclusive=True, group="preview", exit_on_error=False)
    async def action_preview(self) -> None:
        """Show how the dataset is read."""
        from workbench.tui.preview import preview_text
        from workbench.tui.screens.text import TextScreen

        if self._form is None:
            return
        self.notify("Reading the dataset …", timeout=2)
        text = await preview_text(self._form.values())
        self.app.push_screen(TextScreen("Preview of the dataset", text))

    def action_summary(self) -> None:
        """Show the whole summary, or go back to the form."""
        if self.maximized:
            self.minimize()
        else:
            self.maximize(self.query_one(Summary))

    def action_copy_command(self) -> None:
        """Copy the CLI command; the app says which way it went."""
        self._copy(self.query_one(Summary).outlook.command)

    def action_copy_yaml(self) -> None:
        """Copy the recipe; the app says which way it went."""
        self._copy(self.query_one(Summary).outlook.yaml)

    def _copy(self, text: str) -> None:
        if text:
            self.app.copy_to_clipboard(text)


def _about(entry: ModelEntry) -> str:
    room = size(entry.bytes_on_disk) if entry.bytes_on_disk else ""
    ready = "" if entry.ready else "fetched or converted first"
    return "   ".join(word for word in dict.fromkeys((entry.kind, entry.id, room, ready)) if word)
