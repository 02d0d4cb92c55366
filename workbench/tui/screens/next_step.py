"""What to do about a verdict: the steps it calls for, each with its command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from workbench.core import locations
from workbench.core.sanitize import visible
from workbench.evaluation.analysis.findings import NextStep
from workbench.tui.commands import command
from workbench.tui.screens.base import Dialog
from workbench.tui.widgets.common.band import verdict_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from workbench.tui.run_bands import RunBand

_NOTHING = "Nothing is left to do about these findings."


class NextStepScreen(Dialog[NextStep]):
    """Enter does the highlighted step; its command can be copied instead."""

    CSS_PATH = "next_step.tcss"
    BINDINGS: ClassVar = [command("c,f6", "copy", "Copy", "Copy the command of this step.")]

    def __init__(self, run: str, band: RunBand, effect_of: Callable[[NextStep], str]) -> None:
        """Offer the next steps.

        Args:
            run: Id of the run.
            band: Its verdict, proof and steps.
            effect_of: Says what choosing a step does.
        """
        super().__init__()
        self._run = run
        self._band = band
        self._effect_of = effect_of

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="next-step") as box:
            box.border_title = Content(f"What next with {self._run}?")
            box.border_subtitle = "enter does it   c copies the command   escape closes"
            word = verdict_word(self._band.verdict)
            yield Static(Content.assemble(word, " ", visible(self._band.proof)), id="why")
            yield OptionList(*(Option(self._lines(step)) for step in self._band.next_steps))
            if not self._band.next_steps:
                yield Static(_NOTHING)

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = 0 if self._band.next_steps else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._band.next_steps[event.option_index])

    def action_copy(self) -> None:
        """Copy the command of the highlighted step."""
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self.app.copy_to_clipboard(self._band.next_steps[place].command)

    def _lines(self, step: NextStep) -> Content:
        text = f"{step.text[:1].upper()}{step.text[1:]}"
        return Content("\n").join(
            [
                Content.styled(text, "bold"),
                Content(f"  {self._effect_of(step)}"),
                Content.styled(f"  {visible(_shortened(step.command))}", "$text-muted"),
            ]
        )


def _shortened(command: str) -> str:
    """The command with ``~`` for the home folder, as a shell understands it."""
    return " ".join(
        locations.shorten(Path(word)) if word.startswith("/") else word for word in command.split()
    )
