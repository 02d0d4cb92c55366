"""The preset that the form starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Label, Select

from workbench.tui.widgets.form.field_row import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from workbench.recipe.recipe import Recipe

_DEFAULT = "lora"


class PresetBar(Horizontal):
    """The list of presets to start from."""

    DEFAULT_CSS: ClassVar[str] = """
    PresetBar {
        height: 1;
        padding: 0 1;
        & > Label { width: 24; color: $text-muted; }
        &:focus-within > Label { color: $primary; text-style: bold; }
        & > Choice { width: 1fr; }
        & > Choice.-textual-compact > SelectCurrent { background: $surface; padding: 0 1; }
        & > Choice:focus > SelectCurrent { background: $panel; }
        & SelectCurrent > #label { text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    class Chosen(Message):
        """The user chose another preset."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, presets: Mapping[str, Recipe]) -> None:
        """Offer ``presets``, or the recipe's defaults if there are none."""
        super().__init__()
        self._options = [
            (f"{name}   {preset.description}", name) for name, preset in presets.items()
        ]
        self.first = _DEFAULT if _DEFAULT in presets else next(iter(presets), "")

    def compose(self) -> ComposeResult:
        yield Label("Preset")
        yield Choice(self._options or [("defaults", "")], self.first, id="preset")

    def offer(self, name: str, label: str) -> None:
        """Add something else to start from, and show it as chosen."""
        others = [option for option in self._options if option[1] != name]
        self._options = [(label, name), *others]
        choice = self.query_one(Choice)
        with choice.prevent(Select.Changed):
            choice.set_options(self._options)
            choice.value = name

    @on(Select.Changed)
    def _chosen(self, message: Select.Changed) -> None:
        message.stop()
        self.post_message(self.Chosen(str(message.value)))
