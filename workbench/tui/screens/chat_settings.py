"""How every lane of a chat answers: a small form that complains like the recipe's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationError
from textual import on
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from workbench.chat.settings import ChatSettings
from workbench.recipe.validation_errors import problems_of
from workbench.tui.commands import command
from workbench.tui.forms import describe
from workbench.tui.screens.base import Dialog
from workbench.tui.widgets.form.field_row import FieldRow

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ChatSettingsScreen(Dialog[ChatSettings]):
    """Enter takes what is written, if nothing is wrong with it."""

    CSS_PATH = "chat_settings.tcss"
    BINDINGS: ClassVar = [
        command("ctrl+r", "reset", "Defaults", "Go back to greedy answers without a system prompt.")
    ]

    def __init__(self, settings: ChatSettings) -> None:
        """Start with ``settings``."""
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        """Lay out one row a field, and what the field under the cursor means."""
        with VerticalScroll(classes="dialog", id="settings") as box:
            box.border_title = "How every lane answers"
            box.border_subtitle = "enter takes them   ^r defaults   escape leaves"
            box.can_focus = False
            for name, info in ChatSettings.model_fields.items():
                yield FieldRow(describe(name, info))
            yield Static("", id="tells", markup=False)

    def on_mount(self) -> None:
        """Show what holds now."""
        self._show(self._settings)

    @property
    def _rows(self) -> dict[str, FieldRow]:
        return {row.field.path: row for row in self.query(FieldRow)}

    def _show(self, settings: ChatSettings) -> None:
        for name, row in self._rows.items():
            row.set_value(getattr(settings, name))

    def _read(self) -> ChatSettings | None:
        """The settings, or None and a complaint at each field that is wrong."""
        rows = self._rows
        values: dict[str, Any] = {name: row.value for name, row in rows.items()}
        wrong: dict[str, str] = {}
        settings = None
        try:
            settings = ChatSettings.model_validate(values)
        except ValidationError as error:
            wrong = dict(problems_of(error, ChatSettings))
        for name, row in rows.items():
            row.show_error(wrong.get(name, ""))
        return settings

    @on(FieldRow.Changed)
    def _check(self) -> None:
        self._read()

    @on(FieldRow.Entered)
    def _tell(self, message: FieldRow.Entered) -> None:
        self.query_one("#tells", Static).update(message.row.field.help)

    @on(Input.Submitted)
    def _take(self) -> None:
        if settings := self._read():
            self.dismiss(settings)

    def action_reset(self) -> None:
        """Show the defaults."""
        self._show(ChatSettings())
