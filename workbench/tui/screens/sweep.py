"""Sweep: queue the recipe of the form with every combination of some fields' values."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual import work
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Label, Static

from workbench.core.errors import FtwbError
from workbench.core.sanitize import visible
from workbench.tui.commands import command
from workbench.tui.screens.base import Dialog
from workbench.tui.screens.choose import ChooseScreen, Item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from workbench.recipe.grid import Combination
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder, Runs
    from workbench.tui.forms import FormField
    from workbench.tui.widgets.form.field_row import FieldRow

_TYPING_PAUSE = 0.2
_MAX_NAMES = 6
_NOT_SWEPT = ("name", "description")
_COMMON = ("training.", "strategy.")
"""Sections whose fields are swept most often, offered first."""
_HINT = "Separate values by commas; put a value that contains commas in [brackets]."


class Queued(NamedTuple):
    """A sweep that was queued.

    Attributes:
        sweep: Its id.
        runs: Its runs, in order.
        caution: What would end the workers at logout, in one line; empty where nothing would.
    """

    sweep: str
    runs: list[RunFolder]
    caution: str

    @property
    def notice(self) -> str:
        """What was queued, and how to compare it."""
        return f"{self.sweep}: {_runs(len(self.runs))} queued; compare them with 5, then w."


class Axis(Horizontal):
    """One field and the values to try."""

    def __init__(self, field: FormField, value: str) -> None:
        super().__init__()
        self.field = field
        self.control = Input(value, compact=True, select_on_focus=False)

    def compose(self) -> ComposeResult:
        yield Label(self.field.title, markup=False)
        yield self.control


class SweepScreen(Dialog[Queued]):
    """Choose fields, type their values, see the resulting runs, and queue them."""

    CSS_PATH = "sweep.tcss"
    BINDINGS: ClassVar = [command("ctrl+n", "add", "Another field", "Choose one more field.")]

    def __init__(self, recipe: Recipe, rows: Sequence[FieldRow], runs: Runs) -> None:
        """Sweep ``recipe``, whose fields the form shows in ``rows``, into the folder ``runs``."""
        super().__init__()
        self._recipe = recipe
        offered = sorted(
            (row for row in rows if row.field.path not in _NOT_SWEPT),
            key=lambda row: not row.field.path.startswith(_COMMON),
        )
        self._fields = {row.field.path: row.field for row in offered}
        self._values = {row.field.path: _as_typed(row.field, row.value) for row in offered}
        self._runs = runs
        self.combinations: list[Combination] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = f"Sweep {self._recipe.name}"
            box.border_subtitle = "enter queues   ^n another field   escape closes"
            yield VerticalScroll(id="axes", can_focus=False)
            yield Static(_HINT, id="hint", markup=False)
            yield Static("Choose a field to start with.", id="outcome")

    def on_mount(self) -> None:
        self.action_add()

    @work(name="adding a field")
    async def action_add(self) -> None:
        """Choose one more field; without a first one the dialog closes."""
        present = {axis.field.path for axis in self.query(Axis)}
        items = [
            Item(path, field.title, f"{path}   {field.help}")
            for path, field in self._fields.items()
            if path not in present
        ]
        path = await self.app.push_screen_wait(ChooseScreen("Sweep which field?", items))
        if path:
            axis = Axis(self._fields[path], self._values[path])
            await self.query_one("#axes").mount(axis)
            axis.control.focus()
            self.call_after_refresh(axis.scroll_visible, animate=False)
            self._combine()
        elif not present:
            self.dismiss(None)

    def on_descendant_focus(self) -> None:
        """Explain the focused field."""
        axis = self.focused.parent if self.focused else None
        if isinstance(axis, Axis):
            allowed = ", ".join(axis.field.choices) or axis.field.bounds
            bounds = f" ({allowed})" if allowed else ""
            self.query_one("#hint", Static).update(f"{axis.field.help}{bounds} {_HINT}")

    def on_input_changed(self) -> None:
        self._combine()

    def axes(self) -> dict[str, str]:
        """The values as typed, by field; a field without values is not swept."""
        return {
            axis.field.path: axis.control.value
            for axis in self.query(Axis)
            if axis.control.value.strip()
        }

    @work(exclusive=True, group="combine", name="combining the values")
    async def _combine(self) -> None:
        from workbench.recipe.grid import combinations_of

        await asyncio.sleep(_TYPING_PAUSE)
        axes = self.axes()
        try:
            self.combinations = await asyncio.to_thread(combinations_of, self._recipe, axes)
        except FtwbError as error:
            self.combinations = []
            self._show_error(str(error))
        else:
            self.query_one("#outcome", Static).update(_outcome(self.combinations))

    def on_input_submitted(self) -> None:
        self._queue()

    @work(exclusive=True, group="queue", name="queueing the sweep")
    async def _queue(self) -> None:
        """Check the model and data of every combination, and queue all of them or none."""
        from workbench.recipe.grid import combinations_of

        outcome = self.query_one("#outcome", Static)
        try:
            combinations = combinations_of(self._recipe, self.axes())
            outcome.update(f"checking {_runs(len(combinations))} …")
            self.dismiss(await asyncio.to_thread(_queue, self._runs, combinations))
        except FtwbError as error:
            self._show_error(str(error))

    def _show_error(self, message: str) -> None:
        self.query_one("#outcome", Static).update(
            Content.styled(f"✗ {visible(message)}", "$text-error")
        )


def _queue(runs: Runs, combinations: Sequence[Combination]) -> Queued:
    from workbench.planning.sweep_launch import check_grid, queue
    from workbench.tui.assessment import logout_caution

    sweep, queued = queue(runs, check_grid(combinations))
    return Queued(sweep, queued, logout_caution())


def _outcome(combinations: Sequence[Combination]) -> Content:
    """The number of runs, and their names."""
    names = [combination.recipe.name for combination in combinations[:_MAX_NAMES]]
    if (rest := len(combinations) - _MAX_NAMES) > 0:
        names.append(f"… and {rest} more")
    return Content.assemble(
        (f"✓ {_runs(len(combinations))}", "bold $text-success"), "\n", "\n".join(names)
    )


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _as_typed(field: FormField, value: Any) -> str:
    """A value as it is typed between commas: a list in brackets, a switch as in YAML."""
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else field.to_text(value)
