"""The items that changed, the worst first, and both answers to the highlighted one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from workbench.core.sanitize import visible
from workbench.tui.commands import command

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.evaluation.analysis.findings import Findings, ItemFinding

_PROMPT = 200
_NONE = "No item has a different score than before."


class ItemList(OptionList):
    """One line for each item; enter asks both models again."""

    ALLOW_MAXIMIZE = True
    BINDINGS: ClassVar = [
        command("enter", "select", "Ask again", "Ask the highlighted item again in the split chat.")
    ]
    DEFAULT_CSS: ClassVar[str] = """
    ItemList { background: transparent; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    @dataclass
    class ItemHighlighted(Message):
        """Another item is highlighted, or none."""

        item: ItemFinding | None

    @dataclass
    class AskAgain(Message):
        """The user wants to ask this item again."""

        item: ItemFinding

    findings: var[Findings | None] = var(None)

    def __init__(self) -> None:
        super().__init__(id="items", classes="pane", markup=False)
        self._items: tuple[ItemFinding, ...] = ()

    def watch_findings(self, findings: Findings | None) -> None:
        """List the items of other findings."""
        if findings is None:
            return
        self._items = findings.items
        lost = sum(item.after < item.before for item in self._items)
        self.border_title = f"Items that changed: {lost} lost, {len(self._items) - lost} gained"
        self.set_options([Option(_line(item)) for item in self._items])
        self.disabled = not self._items
        self.highlighted = 0 if self._items else None
        if not self._items:
            self.post_message(self.ItemHighlighted(None))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.post_message(self.ItemHighlighted(self._items[event.option_index]))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.AskAgain(self._items[event.option_index]))


class ItemAnswers(VerticalScroll):
    """The answers of the base and of the tuned model to one item."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS: ClassVar[str] = """
    ItemAnswers { & > Static { height: auto; } }
    """

    item: var[ItemFinding | None] = var(None)

    def __init__(self) -> None:
        super().__init__(id="answers", classes="pane")
        self.border_title = "Before and after"

    def compose(self) -> ComposeResult:
        yield Static(id="both")

    def watch_item(self, item: ItemFinding | None) -> None:
        self.border_subtitle = Content(visible(f"{item.suite}/{item.id}" if item else ""))
        self.query_one("#both", Static).update(both_answers(item) if item else Content(_NONE))
        self.scroll_home(animate=False)


def both_answers(item: ItemFinding) -> Content:
    """The question and both answers in full."""
    return Content.assemble(
        (visible(item.prompt), "bold $primary"),
        (f"\n\nbase  {_score(item.before)}\n", "dim"),
        visible(item.answer_before.strip()) or "(nothing)",
        (f"\n\ntuned  {_score(item.after)}\n", "dim"),
        visible(item.answer_after.strip()) or "(nothing)",
    )


def _score(score: float) -> str:
    return {0.0: "✗ wrong", 1.0: "✓ right"}.get(score, f"score {score:.2f}")


def _line(item: ItemFinding) -> Content:
    lost = item.after < item.before
    mark = ("▼ lost   ", "$text-error") if lost else ("▲ gained ", "$text-success")
    prompt = visible(" ".join(item.prompt.split()))[:_PROMPT]
    return Content.assemble(mark, (f"{visible(item.suite)}  ", "dim"), prompt)
