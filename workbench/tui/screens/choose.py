"""A list to choose from, filtered by typing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from workbench.tui.screens.base import Dialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult


@dataclass(frozen=True)
class Item:
    """One thing to choose.

    Attributes:
        value: What the dialog returns.
        label: Its name in the list.
        detail: Shown after the name.
        keywords: Further text that the filter searches, not shown.
    """

    value: str
    label: str
    detail: str = ""
    keywords: str = ""


class ChooseScreen(Dialog[str]):
    """Typing filters the list, arrows move, enter chooses."""

    CSS_PATH = "choose.tcss"
    BINDINGS: ClassVar = [
        Binding("down", "move(1)", "Next", show=False),
        Binding("up", "move(-1)", "Previous", show=False),
    ]

    def __init__(self, title: str, items: Sequence[Item], *, free: str = "") -> None:
        """Offer ``items``; with ``free``, which says what it means, also the typed text itself."""
        super().__init__()
        self._title = title
        self._items = items
        self._free = free

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="choose") as box:
            box.border_title = self._title
            box.border_subtitle = "enter chooses   escape closes"
            yield Input(placeholder="type to filter", compact=True)
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        self._filter("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter(event.value)

    def on_input_submitted(self) -> None:
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_move(self, step: int) -> None:
        """Move the highlight while the input keeps the focus."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def _filter(self, typed: str) -> None:
        matching = _matching(self._items, typed.casefold())
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_line(item), id=item.value) for item in matching])
        text = typed.strip()
        if self._free and text and all(item.value != text for item in matching):
            options.add_option(Option(Content.assemble(text, (f"  {self._free}", "dim")), id=text))
        if options.option_count:
            options.highlighted = 0
        else:
            options.add_option(Option(Content.styled("no match", "dim"), disabled=True))


def _matching(items: Sequence[Item], typed: str) -> list[Item]:
    """The items that contain all typed words, those first whose label contains the text."""
    words = typed.split()
    matching = [item for item in items if all(word in _search_text(item) for word in words)]
    return sorted(matching, key=lambda item: typed.strip() not in item.label.casefold())


def _search_text(item: Item) -> str:
    return f"{item.label} {item.detail} {item.value} {item.keywords}".casefold()


def _line(item: Item) -> Content:
    return Content.assemble(item.label, (f"  {item.detail}" if item.detail else "", "dim"))
