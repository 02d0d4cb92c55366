"""The form of a whole recipe: groups of fields, and alternatives such as strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Collapsible, Label, Select, Static

from workbench.tui import forms
from workbench.tui.advice import advice_on
from workbench.tui.widgets.form.field_row import Choice, FieldRow
from workbench.tui.widgets.form.fields import Fields
from workbench.tui.widgets.form.switch_fields import SwitchFields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual.app import ComposeResult

    from workbench.planning.plan import Plan
    from workbench.recipe.validation_errors import Problem
    from workbench.tui.forms import FormGroup


class PartFields(Vertical):
    """A part of the recipe with alternatives: the selected one, its description and its fields."""

    DEFAULT_CSS: ClassVar[str] = """
    PartFields {
        height: auto;
        & > .choice { height: 1; & > Label { width: 24; color: $text-muted; } }
        & > .choice:focus-within > Label { color: $primary; text-style: bold; }
        & > .choice > Choice { width: 1fr; }
        & > .choice > Choice > SelectCurrent { background: $surface; padding: 0 1; }
        & > .choice > Choice:focus > SelectCurrent { background: $panel; }
        & > .card { height: auto; padding: 0 1 0 25; color: $text-muted; }
    }
    """

    def __init__(self, group: FormGroup) -> None:
        super().__init__()
        self.group = group
        self.kind = group.default

    def compose(self) -> ComposeResult:
        options = [(part.card.title, kind) for kind, part in self.group.parts.items()]
        with Horizontal(classes="choice"):
            yield Label(self.group.title, markup=False)
            yield Choice(options, self.kind, id=f"kind-{self.group.key}")
        yield Static(self.group.parts[self.kind].card.does, classes="card", markup=False)
        for kind, part in self.group.parts.items():
            yield Fields(part.fields, classes=f"part part-{kind}")

    def on_mount(self) -> None:
        self.choose(self.kind)

    def choose(self, kind: str) -> None:
        """Show the fields of alternative ``kind`` only."""
        self.kind = kind
        self.query_one(f"#kind-{self.group.key}", Select).value = kind
        self.query_one(".card", Static).update(self.group.parts[kind].card.does)
        for fields in self.query(Fields):
            fields.display = fields.has_class(f"part-{kind}")

    @on(Select.Changed)
    def _chosen(self, message: Select.Changed) -> None:
        message.stop()
        if message.value != self.kind:
            self.choose(str(message.value))
        self.post_message(RecipeForm.Changed())


class RecipeForm(VerticalScroll, can_focus=False):
    """All fields of the recipe, generated from it; the form holds text, never a recipe."""

    DEFAULT_CSS: ClassVar[str] = """
    RecipeForm {
        padding: 0 1;
        & .heading { color: $foreground; text-style: bold; margin: 1 0 0 0; }
    }
    """
    BINDINGS: ClassVar = [
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]

    class Changed(Message):
        """A value of the form changed."""

    def __init__(self, groups: list[FormGroup], *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._groups = groups

    def compose(self) -> ComposeResult:
        for group in self._groups:
            yield Label(group.title, classes="heading", markup=False)
            if group.parts:
                yield PartFields(group)
            elif group.switches:
                for kind, part in group.switches.items():
                    yield SwitchFields(f"{group.key}.{kind}", part)
            else:
                yield Fields(group.fields)

    def rows(self) -> list[FieldRow]:
        """The rows of the selected alternatives, in order."""
        return [row for row in self.query(FieldRow) if row.parent and _is_selected(row)]

    def row(self, path: str) -> FieldRow | None:
        """The row of ``path``, or of its nearest parent that has one."""
        rows = {row.field.path: row for row in self.rows()}
        while path and path not in rows:
            path = path.rpartition(".")[0]
        return rows.get(path)

    def values(self) -> forms.Values:
        """The values for the recipe, nested by section."""
        values = {row.field.path: row.value for row in self.rows()}
        kinds = {f"{part.group.key}.kind": part.kind for part in self.query(PartFields)}
        off = {part.path: None for part in self.query(SwitchFields) if not part.active}
        active: forms.Values = {part.path: {} for part in self.query(SwitchFields) if part.active}
        return forms.nested(kinds | off | active | values)

    def fill(self, values: Mapping[str, Any]) -> None:
        """Show the values of a recipe, nested by section."""
        for part in self.query(PartFields):
            part.choose(values[part.group.key]["kind"])
        for switch in self.query(SwitchFields):
            section, _, kind = switch.path.partition(".")
            switch.switch(active=values[section][kind] is not None)
        with self.app.batch_update():
            for row in self.rows():
                row.set_value(forms.value_at(values, row.field.path, row.field.default))

    def show_problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """Show each problem below its field, and return those that have no field."""
        errors = dict.fromkeys(self.rows(), "")
        elsewhere = []
        for problem in problems:
            row = self.row(problem.path)
            if row is None:
                elsewhere.append(problem)
            else:
                errors[row] = errors[row] or problem.message
        for row, message in errors.items():
            row.show_error(message)
        return elsewhere

    def show_advice(self, plan: Plan | None) -> None:
        """Show beside the learning rate what is usual for ``plan``; without one, no verdict."""
        row = self.row("training.learning_rate")
        if row is None:
            return
        if plan is None:
            row.mark_advice_stale()
        else:
            row.show_advice(advice_on(plan.learning_rate) if plan.learning_rate else None)

    def go_to(self, path: str) -> None:
        """Expand, show and focus the field of ``path``."""
        row = self.row(path)
        if row is None:
            return
        for ancestor in row.ancestors:
            if isinstance(ancestor, Collapsible):
                ancestor.collapsed = False
        self.call_after_refresh(row.control.focus)

    @on(FieldRow.Changed)
    @on(SwitchFields.Changed)
    def _changed(self, message: Message) -> None:
        message.stop()
        self.post_message(self.Changed())


def _is_selected(row: FieldRow) -> bool:
    return all(fields.display for fields in row.ancestors if isinstance(fields, Fields))
