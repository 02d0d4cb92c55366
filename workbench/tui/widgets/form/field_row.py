"""One field of a form: title, control, unit, and its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Checkbox, Input, Label, Select, TextArea

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from workbench.tui.advice import Advice
    from workbench.tui.forms import FormField


class Choice(Select[str], inherit_bindings=False):
    """A one-line list to choose from; the arrow keys stay with the form, to move between fields."""

    BINDINGS: ClassVar = [Binding("enter,space", "show_overlay", "Show menu", show=False)]

    def __init__(
        self,
        options: list[tuple[str, str]],
        value: str,
        *,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        """Offer ``options``, pairs of label and value, with ``value`` selected."""
        super().__init__(options, value=value, allow_blank=False, compact=True, id=id)


class Tick(Checkbox):
    """On or off, shown in a word as well, so that it can be read without colour."""

    BUTTON_LEFT = " "
    BUTTON_INNER = "●"
    BUTTON_RIGHT = " "

    def __init__(self, *, value: bool) -> None:
        super().__init__(_word(value=value), value=value, compact=True)

    def watch_value(self) -> None:
        super().watch_value()
        self.label = _word(value=self.value)


def _word(*, value: bool) -> str:
    return "yes" if value else "no"


class Lines(TextArea):
    """A few lines of text, one entry per line; tab leaves it."""

    def __init__(self, text: str) -> None:
        super().__init__(text, soft_wrap=False, tab_behavior="focus", compact=True)


class FieldRow(Vertical):
    """A field of the recipe, to be shown and edited, with its error below."""

    DEFAULT_CSS: ClassVar[str] = """
    FieldRow {
        height: auto;
        & > Horizontal { height: auto; }
        & .title { width: 24; color: $text-muted; padding: 0 1 0 0; }
        & .unit { width: auto; color: $text-disabled; padding: 0 0 0 1; }
        & Input, & Choice, & Lines { width: 1fr; background: $surface; }
        & Input.-textual-compact { padding: 0 1; }
        & Choice.-textual-compact > SelectCurrent { background: $surface; padding: 0 1; }
        & Choice:focus > SelectCurrent { background: $panel; }
        & SelectCurrent > #label { text-wrap: nowrap; text-overflow: ellipsis; }
        & Lines { height: 4; padding: 0 1; }
        & Input:focus, & Lines:focus { background: $panel; }
        & Input.-short { width: 16; }
        & Checkbox { width: 8; background: transparent; padding: 0; border: none; }
        & Checkbox > .toggle--button { color: $surface; background: $surface; }
        & Checkbox.-on > .toggle--button { color: $success; background: $surface; }
        & Checkbox:focus > .toggle--button { background: $panel; }
        & .usual { width: auto; padding: 0 0 0 2; }
        & > .source { width: 1fr; color: $text-muted; padding: 0 0 0 25; }
        & > .error { display: none; width: 1fr; color: $text-error; padding: 0 0 0 24; }
        &:focus-within .title { color: $primary; text-style: bold; }
        &.-wrong .title { color: $text-error; }
        &.-wrong > .error { display: block; }
    }
    """

    class Changed(Message):
        """The user changed the value of a field."""

        def __init__(self, row: FieldRow) -> None:
            super().__init__()
            self.row = row

    class Entered(Message):
        """A field got the focus, so its help should be shown."""

        def __init__(self, row: FieldRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, field: FormField) -> None:
        super().__init__(id=f"field-{field.path.replace('.', '-')}")
        self.field = field
        self.control = _control(field)
        self.error = ""
        """What is wrong with the value; empty while it is valid."""
        self._error_label = Label("", classes="error", markup=False)
        self._advice: Advice | None = None
        self._usual = Label("", classes="usual")
        self._source = Label("", classes="source")

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label(self.field.title, classes="title", markup=False)
            yield self.control
            if self.field.unit:
                yield Label(self.field.unit, classes="unit", markup=False)
        yield self._error_label

    @property
    def value(self) -> Any:
        """The value for the recipe, not yet validated."""
        match self.control:
            case Checkbox():
                return self.control.value
            case Select():
                return self.field.to_value(str(self.control.value))
            case TextArea():
                return self.field.to_value(self.control.text)
            case Input():
                return self.field.to_value(self.control.value)
        raise TypeError(f"unknown control for {self.field.path}")

    def set_value(self, value: Any) -> None:
        """Show a value of the recipe."""
        match self.control:
            case Checkbox():
                self.control.value = bool(value)
            case Select():
                self.control.value = self.field.to_text(value)
            case TextArea():
                self.control.text = self.field.to_text(value)
            case Input():
                self.control.value = self.field.to_text(value)

    def show_error(self, message: str) -> None:
        """Show what is wrong below the field; an empty message removes it."""
        self.error = message
        self._error_label.update(message)
        self.set_class(bool(message), "-wrong")

    def show_advice(self, advice: Advice | None) -> None:
        """Show usual values beside the field, and their source below it; None removes both."""
        self._advice = advice
        if advice and not self._usual.is_attached:
            self.query_one(Horizontal).mount(self._usual)
            self.mount(self._source, before=self._error_label)
        for label in (self._usual, self._source):
            label.display = advice is not None
        if advice is None:
            return
        mark = ("⚠", "$text-warning") if advice.warning else ("✓", "$text-success")
        warning = (f"{advice.warning}\n" if advice.warning else "", "$text-warning")
        self._usual.update(Content.assemble(("usual ", "dim"), f"{advice.usual} ", mark))
        self._source.update(Content.assemble(warning, advice.source))

    def mark_advice_stale(self) -> None:
        """Withdraw the verdict: the value, or what the advice depends on, has changed."""
        if self._advice:
            self._usual.update(
                Content.assemble(("usual ", "dim"), f"{self._advice.usual} ", ("…", "dim"))
            )
            self._source.update(self._advice.source)

    def on_descendant_focus(self) -> None:
        self.post_message(self.Entered(self))

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Checkbox.Changed)
    @on(TextArea.Changed)
    def _changed(self, message: Message) -> None:
        message.stop()
        self.post_message(self.Changed(self))


def _control(field: FormField) -> Widget:
    match field.kind:
        case "switch":
            return Tick(value=bool(field.default))
        case "choice":
            options = [(field.option(choice), choice) for choice in field.choices]
            nothing = [(field.empty, "")] if field.optional else []
            return Choice(nothing + options, field.to_text(field.default))
        case "lines":
            return Lines(field.to_text(field.default))
    placeholder = field.empty if field.optional else field.bounds
    short = "-short" if field.kind == "number" else ""
    return Input(field.to_text(field.default), placeholder=placeholder, compact=True, classes=short)
