"""The settings of a chat: a small form that validates like the recipe's."""

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
    """Enter applies the settings unless a field is invalid."""

    CSS_PATH = "chat_settings.tcss"
    BINDINGS: ClassVar = [
        command("ctrl+r", "reset", "Defaults", "Go back to greedy answers without a system prompt.")
    ]

    def __init__(self, settings: ChatSettings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="settings") as box:
            box.border_title = "Settings of every lane"
            box.border_subtitle = "enter applies   ^r defaults   escape closes"
            box.can_focus = False
            for name, info in ChatSettings.model_fields.items():
                yield FieldRow(describe(name, info))
            yield Static("", id="field-help", markup=False)

    def on_mount(self) -> None:
        self._show(self._settings)

    @property
    def _rows(self) -> dict[str, FieldRow]:
        return {row.field.path: row for row in self.query(FieldRow)}

    def _show(self, settings: ChatSettings) -> None:
        for name, row in self._rows.items():
            row.set_value(getattr(settings, name))

    def _validated(self) -> ChatSettings | None:
        """The settings; or None, with an error at each invalid field."""
        rows = self._rows
        values: dict[str, Any] = {name: row.value for name, row in rows.items()}
        errors: dict[str, str] = {}
        settings = None
        try:
            settings = ChatSettings.model_validate(values)
        except ValidationError as error:
            errors = dict(problems_of(error, ChatSettings))
        for name, row in rows.items():
            row.show_error(errors.get(name, ""))
        return settings

    @on(FieldRow.Changed)
    def _validate(self) -> None:
        self._validated()

    @on(FieldRow.Entered)
    def _show_help(self, message: FieldRow.Entered) -> None:
        self.query_one("#field-help", Static).update(message.row.field.help)

    @on(Input.Submitted)
    def _apply(self) -> None:
        if settings := self._validated():
            self.dismiss(settings)

    def action_reset(self) -> None:
        self._show(ChatSettings())
