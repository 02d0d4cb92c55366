"""The left pane of the new-run screen: a preset to start from, and the form of the recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder
    from workbench.tui.forms import FormGroup
    from workbench.tui.widgets.form.preset_bar import PresetBar
    from workbench.tui.widgets.form.recipe_form import RecipeForm


class _Start(NamedTuple):
    """A run whose recipe the form starts from, and what is changed in it."""

    run: RunFolder
    recipe: Recipe
    changes: tuple[str, ...]


class RecipeEditor(Vertical):
    """Empty at first, because recipe and presets take longer to read than the first paint.

    Attributes:
        form: None until recipe and presets are read.
        preset: The name of the preset that the form started from; empty for none.
    """

    class Changed(Message):
        """The recipe in the form changed."""

    def __init__(self) -> None:
        super().__init__(id="left", classes="pane")
        self.border_title = "Recipe"
        self.form: RecipeForm | None = None
        self.preset = ""
        self._presets: Mapping[str, Recipe] = {}
        self._start: _Start | None = None

    def compose(self) -> ComposeResult:
        yield Static("reading the recipe …", id="waiting")

    async def show_form(self, groups: list[FormGroup], presets: Mapping[str, Recipe]) -> None:
        """Replace the placeholder by the form, filled from the first preset."""
        from workbench.tui.widgets.form.preset_bar import PresetBar
        from workbench.tui.widgets.form.recipe_form import RecipeForm

        self._presets = presets
        bar, form = PresetBar(presets), RecipeForm(groups, id="form")
        await self.remove_children()
        await self.mount(bar, form)
        self.form = form
        self.call_after_refresh(self._start_with, bar.first)

    def start_from(self, run: RunFolder, recipe: Recipe, changes: Sequence[str]) -> None:
        """Fill the form with the recipe of a run and ``field=value`` changes, in place of a preset.

        Until there is a form, this waits for it.
        """
        self._start = _Start(run, recipe, tuple(changes))
        if self.form and self.preset:
            self._use_start(self._start)

    def _use_start(self, start: _Start) -> None:
        from workbench.recipe import yaml_io
        from workbench.tui.assessment import plain
        from workbench.tui.widgets.form.preset_bar import PresetBar

        self._start = None
        self.preset = str(start.run.recipe_file)
        self._presets = {**self._presets, self.preset: start.recipe}
        self.query_one(PresetBar).offer(self.preset, f"{start.run.id}   its recipe")
        if self.form:
            self.form.fill(yaml_io.override(plain(start.recipe), start.changes))
        self.post_message(self.Changed())

    def _start_with(self, preset: str) -> None:
        if self._start:
            self._use_start(self._start)
        else:
            self._use_preset(preset)
        self.query_one("#preset").focus()

    def on_preset_bar_chosen(self, message: PresetBar.Chosen) -> None:
        message.stop()
        if message.name != self.preset:
            self._use_preset(message.name)

    def _use_preset(self, name: str) -> None:
        from workbench.tui.assessment import plain

        self.preset = name
        if self.form and name in self._presets:
            self.form.fill(plain(self._presets[name]))
        self.post_message(self.Changed())

    def on_recipe_form_changed(self, message: RecipeForm.Changed) -> None:
        message.stop()
        self.post_message(self.Changed())

    def base_recipe(self) -> Recipe:
        """The recipe that the form started from."""
        from workbench.recipe.recipe import Recipe

        return self._presets.get(self.preset) or Recipe()
