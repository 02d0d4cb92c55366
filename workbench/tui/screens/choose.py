"""A list to choose from by typing a few letters."""

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
    """Something to choose: what is returned, how it is called, and what is known of it.

    Attributes:
        found_by: What it is also found by, and is not shown.
    """

    value: str
    label: str
    detail: str = ""
    found_by: str = ""


class ChooseScreen(Dialog[str]):
    """Typing filters, the arrows move, enter chooses."""

    CSS_PATH = "choose.tcss"
    BINDINGS: ClassVar = [
        Binding("down", "move(1)", "Next", show=False),
        Binding("up", "move(-1)", "Previous", show=False),
    ]

    def __init__(self, title: str, items: Sequence[Item], *, free: str = "") -> None:
        """Offer ``items``; ``free`` says what a typed word that fits none of them means."""
        super().__init__()
        self._title = title
        self._items = items
        self._free = free

    def compose(self) -> ComposeResult:
        """Lay out the filter and the list."""
        with Vertical(classes="dialog", id="choose") as box:
            box.border_title = self._title
            box.border_subtitle = "enter chooses   escape closes"
            yield Input(placeholder="type to filter", compact=True)
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        """Show everything."""
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what fits."""
        self._show(event.value)

    def on_input_submitted(self) -> None:
        """Choose what is marked."""
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the chosen value."""
        self.dismiss(event.option_id)

    def action_move(self, step: int) -> None:
        """Move the mark while the filter keeps the focus."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def _show(self, typed: str) -> None:
        fitting = _fitting(self._items, typed.casefold())
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_line(item), id=item.value) for item in fitting])
        if self._free and typed.strip() and all(item.value != typed.strip() for item in fitting):
            free = Content.assemble(typed.strip(), (f"  {self._free}", "dim"))
            options.add_option(Option(free, id=typed.strip()))
        if options.option_count:
            options.highlighted = 0
        else:
            options.add_option(Option(Content.styled("nothing fits", "dim"), disabled=True))


def _fitting(items: Sequence[Item], typed: str) -> list[Item]:
    """The items that hold every typed word, those first that hold it in their label."""
    words = typed.split()
    fitting = [item for item in items if all(word in _searched(item) for word in words)]
    return sorted(fitting, key=lambda item: typed.strip() not in item.label.casefold())


def _searched(item: Item) -> str:
    return f"{item.label} {item.detail} {item.value} {item.found_by}".casefold()


def _line(item: Item) -> Content:
    return Content.assemble(item.label, (f"  {item.detail}" if item.detail else "", "dim"))
