"""The form of a whole recipe: groups of fields, alternatives by kind, advanced ones folded."""

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
    """A part of the recipe: which alternative, what its card says, and its fields."""

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
        """Show the default alternative of ``group``."""
        super().__init__()
        self.group = group
        self.kind = group.default

    def compose(self) -> ComposeResult:
        """Lay out the choice, the card and the fields of every alternative, one of them shown."""
        options = [(part.card.title, kind) for kind, part in self.group.parts.items()]
        with Horizontal(classes="choice"):
            yield Label(self.group.title, markup=False)
            yield Choice(options, self.kind, id=f"kind-{self.group.key}")
        yield Static(self.group.parts[self.kind].card.does, classes="card", markup=False)
        for kind, part in self.group.parts.items():
            yield Fields(part.fields, classes=f"part part-{kind}")

    def on_mount(self) -> None:
        """Show one alternative only."""
        self.choose(self.kind)

    def choose(self, kind: str) -> None:
        """Show another alternative."""
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
    """Every field of the recipe, generated; it holds text, never a recipe."""

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
        """Some value of the form changed."""

    def __init__(self, groups: list[FormGroup], *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        """Show ``groups`` with their defaults."""
        super().__init__(id=id)
        self._groups = groups

    def compose(self) -> ComposeResult:
        """Lay out a heading and the rows of each group."""
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
        """The rows that count now, in order: those of the chosen alternatives."""
        return [row for row in self.query(FieldRow) if row.parent and _chosen(row)]

    def row(self, path: str) -> FieldRow | None:
        """The row of ``path``, or of the nearest field above it."""
        rows = {row.field.path: row for row in self.rows()}
        while path and path not in rows:
            path = path.rpartition(".")[0]
        return rows.get(path)

    def values(self) -> forms.Values:
        """What the recipe is given, nested by section."""
        values = {row.field.path: row.value for row in self.rows()}
        kinds = {f"{part.group.key}.kind": part.kind for part in self.query(PartFields)}
        off = {part.path: None for part in self.query(SwitchFields) if not part.active}
        active: forms.Values = {part.path: {} for part in self.query(SwitchFields) if part.active}
        return forms.nested(kinds | off | active | values)

    def fill(self, values: Mapping[str, Any]) -> None:
        """Show the values of a recipe, given as nested plain data."""
        for part in self.query(PartFields):
            part.choose(values[part.group.key]["kind"])
        known = forms.flat(values)
        for switch in self.query(SwitchFields):
            section, _, kind = switch.path.partition(".")
            switch.switch(active=values[section][kind] is not None)
        with self.app.batch_update():
            for row in self.rows():
                row.set_value(known.get(row.field.path, row.field.default))

    def complain(self, problems: Iterable[Problem]) -> list[Problem]:
        """Show each problem below its field and return those that belong to none."""
        rows = dict.fromkeys(self.rows(), "")
        homeless = []
        for problem in problems:
            row = self.row(problem.path)
            if row is None:
                homeless.append(problem)
            else:
                rows[row] = rows[row] or problem.message
        for row, message in rows.items():
            row.complain(message)
        return homeless

    def advise(self, plan: Plan | None) -> None:
        """Say beside the learning rate what is usual; while there is no plan, nothing is judged."""
        row = self.row("training.learning_rate")
        if row is None:
            return
        if plan is None:
            row.doubt()
        else:
            row.advise(advice_on(plan.learning_rate) if plan.learning_rate else None)

    def go_to(self, path: str) -> None:
        """Unfold, show and focus the field of ``path``."""
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


def _chosen(row: FieldRow) -> bool:
    return all(fields.display for fields in row.ancestors if isinstance(fields, Fields))
