"""The probe packs in one list: choose a question, or a heading to ask all below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from workbench.core.sanitize import visible
from workbench.tui.screens.base import Dialog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult

    from workbench.chat.packs import ProbePack, ProbePrompt


class ChooseProbeScreen(Dialog[tuple[str, ...]]):
    """Typing filters, the arrows move, enter asks; answers with one prompt or all of a pack."""

    CSS_PATH = "choose_probe.tcss"
    BINDINGS: ClassVar = [
        Binding("down", "move(1)", "Next", show=False),
        Binding("up", "move(-1)", "Previous", show=False),
    ]

    def __init__(self, packs: Sequence[ProbePack]) -> None:
        """Offer ``packs``, each under its title."""
        super().__init__()
        self._packs = packs
        self._answers: list[tuple[str, ...]] = []

    def compose(self) -> ComposeResult:
        """Lay out the filter and the list."""
        with Vertical(classes="dialog", id="choose") as box:
            box.border_title = "Ask"
            box.border_subtitle = "enter asks, on a heading all of it   escape closes"
            yield Input(placeholder="type to filter", compact=True)
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        """Show everything, the first question marked."""
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what fits."""
        self._show(event.value)

    def on_input_submitted(self) -> None:
        """Choose what is marked."""
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the marked question, or with all below the marked heading."""
        self.dismiss(self._answers[event.option_index])

    def action_move(self, step: int) -> None:
        """Move the mark while the filter keeps the focus."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def _show(self, typed: str) -> None:
        lines = list(self._lines(typed.casefold().split()))
        self._answers = [answer for _, answer in lines]
        options = self.query_one(OptionList)
        options.set_options([Option(line) for line, _ in lines])
        if lines:
            options.highlighted = 1
        else:
            options.add_option(Option(Content.styled("nothing fits", "dim"), disabled=True))

    def _lines(self, typed: Sequence[str]) -> Iterator[tuple[Content, tuple[str, ...]]]:
        """Every line that fits what was typed, with what it asks."""
        for pack in self._packs:
            fitting = [probe for probe in pack.prompts if _fits(probe, pack, typed)]
            if fitting:
                yield _heading(pack, len(fitting)), tuple(probe.prompt for probe in fitting)
            for probe in fitting:
                yield _line(probe), (probe.prompt,)


def _fits(probe: ProbePrompt, pack: ProbePack, typed: Sequence[str]) -> bool:
    words = f"{probe.prompt} {probe.kind} {pack.title}".casefold()
    return all(word in words for word in typed)


def _heading(pack: ProbePack, count: int) -> Content:
    return Content.assemble((visible(pack.title), "bold $primary"), (f"  all {count}", "dim"))


def _line(probe: ProbePrompt) -> Content:
    prompt = visible(" ".join(probe.prompt.split()))
    return Content.assemble(f"  {prompt}", (f"  {visible(probe.kind)}", "dim"))
