"""Sweep: the recipe of the form in every combination of some fields' values."""

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
_NAMED = 6
_OF_THE_RUN = ("name", "description")
_USUAL = ("training.", "strategy.")
"""Fields that are swept most, offered first."""
_HINT = "Values are separated by commas; one that has commas itself stands in [brackets]."


class Queued(NamedTuple):
    """A sweep that was queued.

    Attributes:
        sweep: Its id.
        runs: Its runs, in order.
        caution: What would end their workers at logout, in one line; empty where nothing would.
    """

    sweep: str
    runs: list[RunFolder]
    caution: str

    @property
    def words(self) -> str:
        """What was done, and what to do with it."""
        return f"{self.sweep}: {_runs(len(self.runs))} queued; compare them with 5, then w."


class Axis(Horizontal):
    """One field and the values it takes in turn."""

    def __init__(self, field: FormField, value: str) -> None:
        """Start with the ``value`` that the form has."""
        super().__init__()
        self.field = field
        self.control = Input(value, compact=True, select_on_focus=False)

    def compose(self) -> ComposeResult:
        """Lay out name and values."""
        yield Label(self.field.title, markup=False)
        yield self.control


class SweepScreen(Dialog[Queued]):
    """Choose fields, type their values, see how many runs that makes, queue them."""

    CSS_PATH = "sweep.tcss"
    BINDINGS: ClassVar = [command("ctrl+n", "add", "Another field", "Choose one more field.")]

    def __init__(self, recipe: Recipe, rows: Sequence[FieldRow], runs: Runs) -> None:
        """Offer to sweep ``recipe``, which the ``rows`` of the form hold, into ``runs``."""
        super().__init__()
        self._recipe = recipe
        offered = sorted(
            (row for row in rows if row.field.path not in _OF_THE_RUN),
            key=lambda row: not row.field.path.startswith(_USUAL),
        )
        self._fields = {row.field.path: row.field for row in offered}
        self._values = {row.field.path: _typed(row.field, row.value) for row in offered}
        self._runs = runs
        self.points: list[Combination] = []

    def compose(self) -> ComposeResult:
        """Lay out the fields, what they make, and the keys."""
        with Vertical(classes="dialog") as box:
            box.border_title = f"Sweep {self._recipe.name}"
            box.border_subtitle = "enter queues   ^n another field   escape closes"
            yield VerticalScroll(id="axes", can_focus=False)
            yield Static(_HINT, id="hint", markup=False)
            yield Static("Choose a field to begin with.", id="outcome")

    def on_mount(self) -> None:
        """Ask for the first field at once."""
        self.action_add()

    @work
    async def action_add(self) -> None:
        """Choose one more field; the first one is needed."""
        known = {axis.field.path for axis in self.query(Axis)}
        items = [
            Item(path, field.title, f"{path}   {field.help}")
            for path, field in self._fields.items()
            if path not in known
        ]
        path = await self.app.push_screen_wait(ChooseScreen("Sweep which field?", items))
        if path:
            axis = Axis(self._fields[path], self._values[path])
            await self.query_one("#axes").mount(axis)
            axis.control.focus()
            self.call_after_refresh(axis.scroll_visible, animate=False)
            self._read()
        elif not known:
            self.dismiss(None)

    def on_descendant_focus(self) -> None:
        """Say what the field is for."""
        focused = self.focused.parent if self.focused else None
        if isinstance(focused, Axis):
            field = focused.field
            told = ", ".join(field.choices) or field.bounds
            bounds = f" ({told})" if told else ""
            self.query_one("#hint", Static).update(f"{field.help}{bounds} {_HINT}")

    def on_input_changed(self) -> None:
        """Count anew when the typing pauses."""
        self._read()

    def axes(self) -> dict[str, str]:
        """The values as typed, by field; a field without any is left as it is."""
        return {
            axis.field.path: axis.control.value
            for axis in self.query(Axis)
            if axis.control.value.strip()
        }

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read(self) -> None:
        from workbench.recipe.grid import combinations_of

        await asyncio.sleep(_TYPING_PAUSE)
        axes = self.axes()
        try:
            self.points = await asyncio.to_thread(combinations_of, self._recipe, axes)
        except FtwbError as error:
            self.points = []
            self._complain(str(error))
        else:
            self.query_one("#outcome", Static).update(_outcome(self.points))

    def on_input_submitted(self) -> None:
        """Queue what is shown."""
        self._queue()

    @work(exclusive=True, group="queue", exit_on_error=False)
    async def _queue(self) -> None:
        """Check every combination by its files as well, and queue them all or none."""
        from workbench.recipe.grid import combinations_of

        outcome = self.query_one("#outcome", Static)
        try:
            points = combinations_of(self._recipe, self.axes())
            outcome.update(f"checking {_runs(len(points))} …")
            self.dismiss(await asyncio.to_thread(_queue, self._runs, points))
        except FtwbError as error:
            self._complain(str(error))

    def _complain(self, why: str) -> None:
        self.query_one("#outcome", Static).update(
            Content.styled(f"✗ {visible(why)}", "$text-error")
        )


def _queue(runs: Runs, points: Sequence[Combination]) -> Queued:
    from workbench.hardware.session import check_logout
    from workbench.planning.sweep_launch import check_grid, queue

    sweep, made = queue(runs, check_grid(points))
    logout = check_logout()
    return Queued(
        sweep, made, f"{logout.message}; {logout.remedy}." if logout.state == "warn" else ""
    )


def _outcome(points: Sequence[Combination]) -> Content:
    """How many runs, and what they are called."""
    names = [point.recipe.name for point in points[:_NAMED]]
    more = [f"… and {len(points) - _NAMED} more"] if len(points) > _NAMED else []
    return Content.assemble(
        (f"✓ {_runs(len(points))}", "bold $text-success"), "\n", "\n".join(names + more)
    )


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _typed(field: FormField, value: Any) -> str:
    """A value as one of several is typed: a list in brackets, a switch as YAML writes it."""
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else field.to_text(value)
