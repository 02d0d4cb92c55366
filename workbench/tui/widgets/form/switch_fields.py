"""A part of the recipe that is on or off, with its fields while it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Checkbox, Label, Static

from workbench.tui.widgets.form.field_row import Tick
from workbench.tui.widgets.form.fields import Fields

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.tui.forms import FormPart


class SwitchFields(Vertical):
    """One part with its switch."""

    DEFAULT_CSS: ClassVar[str] = """
    SwitchFields {
        height: auto;
        & > .switch { height: 1; & > Label { width: 24; color: $text-muted; } }
        & > .switch:focus-within > Label { color: $primary; text-style: bold; }
        & Checkbox { width: 8; background: transparent; padding: 0; border: none; }
        & Checkbox > .toggle--button { color: $surface; background: $surface; }
        & Checkbox.-on > .toggle--button { color: $success; background: $surface; }
        & Checkbox:focus > .toggle--button { background: $panel; }
        & > .card { height: auto; padding: 0 1 0 25; color: $text-muted; }
    }
    """

    class Changed(Message):
        """The part was switched on or off."""

    def __init__(self, path: str, part: FormPart) -> None:
        """Offer ``part``, whose values are at ``path`` in the recipe; it starts off."""
        super().__init__(id=f"switch-{path.replace('.', '-')}")
        self.path = path
        self.part = part
        self.tick = Tick(value=False)

    def compose(self) -> ComposeResult:
        with Horizontal(classes="switch"):
            yield Label(self.part.card.title, markup=False)
            yield self.tick
        yield Static(self.part.card.does, classes="card", markup=False)
        yield Fields(self.part.fields)

    def on_mount(self) -> None:
        self._show(active=False)

    @property
    def active(self) -> bool:
        """Whether the part is on."""
        return self.tick.value

    def switch(self, *, active: bool) -> None:
        """Switch the part on or off."""
        self.tick.value = active
        self._show(active=active)

    def _show(self, *, active: bool) -> None:
        self.query_one(".card").display = active
        self.query_one(Fields).display = active

    @on(Checkbox.Changed)
    def _ticked(self, message: Checkbox.Changed) -> None:
        if message.checkbox is not self.tick:
            return
        message.stop()
        self._show(active=self.active)
        self.post_message(self.Changed())
