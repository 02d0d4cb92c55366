"""New run: the form on one side, what the run would do on the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Horizontal
from textual.widgets import Static
from textual.worker import get_current_worker

from workbench.core.formatting import file_size
from workbench.tui.commands import command
from workbench.tui.messages import FormReady, Launched, OpenRun
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.widgets.common.top_bar import TopBar
from workbench.tui.widgets.form.recipe_editor import RecipeEditor
from workbench.tui.widgets.form.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.timer import Timer

    from workbench.models.finding import ModelEntry
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder
    from workbench.tui.assessment import Assessment
    from workbench.tui.screens.sweep import Queued
    from workbench.tui.widgets.form.field_row import FieldRow
    from workbench.tui.widgets.form.recipe_form import RecipeForm
    from workbench.tui.widgets.form.summary import SummaryData

_PRESET_HINT = "The recipe to start from; every field below can be changed."
_DEBOUNCE = 0.05
"""Seconds in which several changes are validated as one; a preset changes many fields."""
_CAUTION_SECONDS = 15.0


class NewRunScreen(WorkbenchScreen):
    """Fill in a recipe, see what it would do, and launch it."""

    CSS_PATH = "new_run.tcss"
    AUTO_FOCUS = ""
    ABOUT = (
        "Choose a preset, a base model, data and a strategy. The summary beside the form says what "
        "the run will do and how to start the same run from the command line. Launching starts a "
        "worker process, which continues when this screen, the terminal or the connection closes."
    )
    BINDINGS: ClassVar = [
        command("ctrl+l,f5", "launch", "Launch", "Launch the run in the background."),
        command("ctrl+s", "sweep", "Sweep", "Queue the run with several values of a field."),
        command("ctrl+o", "models", "Models", "Choose a base model on this machine."),
        command(
            "ctrl+r", "preview", "Preview", "See how the dataset is read, and what is trained on."
        ),
        command("slash,ctrl+g", "find", "Find", "Jump to a field by its name."),
        command(
            "ctrl+t",
            "lower_risk",
            "Lower risk",
            "Add the switch that lowers the risk of forgetting most.",
            footer=False,
        ),
        command(
            "f8", "summary", "Summary", "Show the summary on the full screen, or the form again."
        ),
        command(
            "f6",
            "copy_command",
            "Copy command",
            "Copy the command that starts this run.",
            footer=False,
        ),
        command("f7", "copy_yaml", "Copy YAML", "Copy the recipe as YAML.", footer=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.assessment: Assessment | None = None
        self._editor = RecipeEditor()
        self._debounce: Timer | None = None

    @property
    def _form(self) -> RecipeForm | None:
        return self._editor.form

    def compose(self) -> ComposeResult:
        yield TopBar()

    def on_screen_resume(self) -> None:
        """Lay out the form after the first paint, once the user comes to this screen."""
        self.call_after_refresh(self._lay_out)

    async def _lay_out(self) -> None:
        from textual.widgets import Footer

        if self._editor.is_attached or not self.is_current:
            return
        await self.mount(
            Horizontal(self._editor, Summary(), id="body"),
            Static(_PRESET_HINT, id="hint", markup=False),
            Footer(compact=True),
        )
        self._read_form()

    @work(thread=True, name="reading recipe and presets")
    def _read_form(self) -> None:
        from workbench.recipe.recipe import Recipe
        from workbench.tui import assessment, forms
        from workbench.tui.widgets.form import preset_bar, recipe_form

        del preset_bar, recipe_form  # imported in this thread to make mounting them quick
        self.post_message(FormReady(forms.groups_of(Recipe), assessment.load_presets()))

    @on(FormReady)
    async def _show_form(self, message: FormReady) -> None:
        await self._editor.show_form(message.groups, message.presets)
        self.watch(self.query_one(Summary), "data", self._show_advice)

    def start_from(self, run: RunFolder, recipe: Recipe, changes: Sequence[str]) -> None:
        """Fill the form with the recipe of ``run``, changed, now or as soon as it is laid out."""
        self._editor.start_from(run, recipe, changes)
        self.notify(
            f"The recipe of {run.id} with {', '.join(changes)}: ^l launches it.", markup=False
        )

    def _show_advice(self, data: SummaryData) -> None:
        if self._form:
            self._form.show_advice(data.plan)

    # From the form to the summary

    def on_recipe_editor_changed(self) -> None:
        """Keep the summary up to date while the user types."""
        if self._debounce is None:
            self._debounce = self.set_timer(_DEBOUNCE, self.assess)

    def assess(self) -> None:
        """Validate the form now; the summary reads model and data when the typing pauses."""
        from workbench.tui.assessment import assess

        self._debounce = None
        if self._form is None:
            return
        base = self._editor.base_recipe()
        self.assessment = assess(self._form.values(), self._editor.preset, base)
        elsewhere = self._form.show_problems(self.assessment.problems)
        first = str((elsewhere or self.assessment.problems or ("",))[0])
        self.query_one(Summary).show_assessment(self.assessment, first)

    def on_field_row_entered(self, message: FieldRow.Entered) -> None:
        """Explain the field."""
        field = message.row.field
        bounds = f" ({field.bounds})" if field.bounds else ""
        self.query_one("#hint", Static).update(f"{field.help}{bounds}")

    # Launching

    def _valid_recipe(self) -> Recipe | None:
        """The recipe of the form; None if it is invalid, and then its first problem is shown."""
        self.assess()
        assessment = self.assessment
        if assessment is None or self._form is None:
            return None
        if assessment.recipe is None:
            self._form.go_to(assessment.problems[0].path)
            self.notify(str(assessment.problems[0]), severity="error", markup=False)
        return assessment.recipe

    def action_launch(self) -> None:
        """Launch the run of the form, or go to its first invalid field."""
        if recipe := self._valid_recipe():
            self._launch(recipe)

    def action_sweep(self) -> None:
        """Queue the run of the form with several values of some fields."""
        from workbench.runs.folder import Runs
        from workbench.tui.screens.sweep import SweepScreen

        recipe = self._valid_recipe()
        if recipe and self._form:
            runs = Runs(self.workbench.runs_root)
            self.app.push_screen(SweepScreen(recipe, self._form.rows(), runs), self._swept)

    def _swept(self, queued: Queued | None) -> None:
        if queued is None:
            return
        self.notify(queued.notice, markup=False)
        self._show_caution(queued.caution)
        self.workbench.refresh_rows()
        self.workbench.action_go("runs")

    def _show_caution(self, caution: str) -> None:
        if caution:
            self.notify(caution, severity="warning", timeout=_CAUTION_SECONDS, markup=False)

    @work(thread=True, exclusive=True, group="launch", name="launching the run")
    def _launch(self, recipe: Recipe) -> None:
        from workbench.runs import launch
        from workbench.runs.folder import Runs
        from workbench.tui.assessment import logout_caution, make_plan

        make_plan(recipe)  # raises what would fail at once in the worker
        if get_current_worker().is_cancelled:  # launch was pressed again
            return
        run = Runs(self.workbench.runs_root).create(recipe)
        launch.launch(run)
        self.post_message(Launched(run, logout_caution()))

    @on(Launched)
    def _launched(self, message: Launched) -> None:
        self.notify(f"Launched {message.run.id}.", markup=False)
        self._show_caution(message.caution)
        self.workbench.refresh_rows()
        self.post_message(OpenRun(message.run))

    # Editing

    def action_lower_risk(self) -> None:
        """Set the switch that the summary suggests against forgetting."""
        from workbench.tui.assessment import remedied

        remedy = self.query_one(Summary).data.remedy
        if remedy and self._form:
            self._form.fill(remedied(self._form.values(), remedy))
        self.notify(f"Set {remedy.text}." if remedy else "No switch would lower the risk.")

    def action_find(self) -> None:
        """Search for a field and go there."""
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

    @work(exclusive=True, group="models", name="listing the models")
    async def action_models(self) -> None:
        """Choose a base model from those on this machine, or type a hub id."""
        from workbench.models.finding import list_models
        from workbench.tui.screens.choose import ChooseScreen, Item

        entries = await asyncio.to_thread(list_models)
        items = [Item(entry.id, entry.title, _about(entry)) for entry in entries]
        free = "a hub id or a path, as typed"
        chosen = await self.app.push_screen_wait(ChooseScreen("Base model", items, free=free))
        row = self._form.row("model.id") if self._form else None
        if chosen and row:
            row.set_value(chosen)

    @work(exclusive=True, group="preview", name="previewing the dataset")
    async def action_preview(self) -> None:
        """Show how the dataset is read."""
        from workbench.tui.dataset_preview import preview_text
        from workbench.tui.screens.text import TextScreen

        if self._form is None:
            return
        self.notify("Reading the dataset …", timeout=2)
        text = await preview_text(self._form.values())
        self.app.push_screen(TextScreen("Preview of the dataset", text))

    # The summary

    def action_summary(self) -> None:
        """Show the summary on the full screen, or go back to the form."""
        if self.maximized:
            self.minimize()
        else:
            self.maximize(self.query_one(Summary))

    def action_copy_command(self) -> None:
        """Copy the command that starts this run."""
        self._copy(self.query_one(Summary).data.command)

    def action_copy_yaml(self) -> None:
        """Copy the recipe."""
        self._copy(self.query_one(Summary).data.yaml)

    def _copy(self, text: str) -> None:
        if text:
            self.app.copy_to_clipboard(text)


def _about(entry: ModelEntry) -> str:
    disk = file_size(entry.bytes_on_disk) if entry.bytes_on_disk else ""
    ready = "" if entry.ready else "downloaded or converted first"
    return "   ".join(part for part in dict.fromkeys((entry.kind, entry.id, disk, ready)) if part)
