"""The probe prompts offered in an empty chat, each one key or one click away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

if TYPE_CHECKING:
    from workbench.chat.packs import ProbePack, ProbePrompt

_DIGITS = 10


class ProbeList(OptionList):
    """Numbered questions; the tenth has the digit 0."""

    DEFAULT_CSS: ClassVar[str] = """
    ProbeList {
        height: auto;
        max-height: 12;
        padding: 0 1;
        background: transparent;
        border: round $border-blurred;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        scrollbar-size: 1 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        &:focus { border: round $border; }
    }
    """

    @dataclass
    class Chosen(Message):
        """The user chose a question."""

        prompt: str

    def __init__(self, pack: ProbePack) -> None:
        self._prompts = [probe.prompt for probe in pack.prompts]
        lines = [_line(number, probe) for number, probe in enumerate(pack.prompts, 1)]
        super().__init__(*lines, id="probes", markup=False)
        self.border_title = Content(pack.title)
        self.border_subtitle = "a number asks both models"

    def choose(self, digit: int) -> None:
        """Choose the question with that digit, if there is one."""
        index = (digit or _DIGITS) - 1
        if index < len(self._prompts):
            self.post_message(self.Chosen(self._prompts[index]))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self._prompts[event.option_index]))


def _line(number: int, probe: ProbePrompt) -> Content:
    digit = str(number % _DIGITS) if number <= _DIGITS else " "
    return Content.assemble(
        (f"{digit}  ", "$accent bold"), probe.prompt, (f"  {probe.kind}", "dim")
    )
