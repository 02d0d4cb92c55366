"""A list to choose from, filtered by typing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from workbench.tui.screens.base import Dialog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textual.app import ComposeResult

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class Item(Generic[ValueT]):
    """Something to choose.

    Attributes:
        value: The dialog's result; a text is also searched.
        label: Its name.
        detail: What the user may want to know about it.
        keywords: Further text that the filter searches, not shown.
        group: The heading it is listed under; consecutive items share one.
    """

    value: ValueT
    label: str
    detail: str = ""
    keywords: str = ""
    group: str = ""

    def matches(self, words: Sequence[str]) -> bool:
        """Whether every word, in lower case, occurs in its texts."""
        value = self.value if isinstance(self.value, str) else ""
        texts = (self.label, self.detail, value, self.keywords, self.group)
        searched = " ".join(texts).casefold()
        return all(word in searched for word in words)

    def line(self) -> Content:
        """Label and detail."""
        indent = "  " if self.group else ""
        detail = f"  {self.detail}" if self.detail else ""
        return Content.assemble(f"{indent}{self.label}", (detail, "dim"))


class ChooseScreen(Dialog[ValueT]):
    """Typing filters, the arrows move, enter chooses."""

    CSS_PATH = "choose.tcss"
    BINDINGS: ClassVar = [
        Binding("down", "move(1)", "Next", show=False),
        Binding("up", "move(-1)", "Previous", show=False),
    ]

    def __init__(
        self,
        title: str,
        items: Sequence[Item[ValueT]],
        *,
        hint: str = "enter chooses   escape closes",
        combine: Callable[[Sequence[ValueT]], ValueT] | None = None,
        free: str = "",
    ) -> None:
        """Offer ``items``.

        Args:
            title: For the upper border.
            items: What can be chosen.
            hint: For the lower border.
            combine: Makes the headings choosable: the value for all items listed below one.
            free: Makes a typed text choosable as a value, and says what it means; only where
                values are texts.
        """
        super().__init__()
        self._title = title
        self._items = items
        self._hint = hint
        self._combine = combine
        self._free = free
        self._values: list[ValueT] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="choose") as box:
            box.border_title = self._title
            box.border_subtitle = self._hint
            box.set_class(self._combine is not None, "-grouped")
            yield Input(placeholder="type to filter", compact=True)
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        self._filter("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter(event.value)

    def on_input_submitted(self) -> None:
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._values[event.option_index])

    def action_move(self, step: int) -> None:
        """Move the highlight while the filter keeps the focus."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def _filter(self, typed: str) -> None:
        rows = list(self._rows(typed.strip()))
        self._values = [value for _, value in rows]
        options = self.query_one(OptionList)
        options.set_options([Option(line) for line, _ in rows])
        if rows:
            options.highlighted = 1 if self._combine else 0
        else:
            options.add_option(Option(Content.styled("no match", "dim"), disabled=True))

    def _rows(self, typed: str) -> Iterator[tuple[Content, ValueT]]:
        """The lines to show, with their values."""
        words = typed.casefold().split()
        matching = [item for item in self._items if item.matches(words)]
        if self._combine:
            return _grouped(matching, self._combine)
        return self._ranked(matching, typed)

    def _ranked(self, items: list[Item[ValueT]], typed: str) -> Iterator[tuple[Content, ValueT]]:
        """The items, those first whose label contains the typed text, and that text itself."""
        for item in sorted(items, key=lambda item: typed.casefold() not in item.label.casefold()):
            yield item.line(), item.value
        if self._free and typed and all(item.value != typed for item in items):
            value = cast("ValueT", typed)
            yield Item(value, typed, self._free).line(), value


def _grouped(
    items: Sequence[Item[ValueT]], combine: Callable[[Sequence[ValueT]], ValueT]
) -> Iterator[tuple[Content, ValueT]]:
    """The items below their headings; a heading has the combined value of its items."""
    for group, members in groupby(items, key=lambda item: item.group):
        listed = list(members)
        yield _heading(group, len(listed)), combine([item.value for item in listed])
        yield from ((item.line(), item.value) for item in listed)


def _heading(group: str, count: int) -> Content:
    return Content.assemble((group, "bold $primary"), (f"  all {count}", "dim"))
