"""Turn a question of the chat into a probe of the user's own suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from workbench.chat.titles import BASE
from workbench.core import locations
from workbench.core.errors import FtwbError
from workbench.core.sanitize import visible
from workbench.evaluation.suites.user_suite import (
    NEW_TOKENS,
    add_probe,
    key_phrases,
    passes,
    user_suite_path,
)
from workbench.tui.screens.base import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done

_SEPARATOR = "|"


class NewProbeScreen(Dialog[str]):
    """Choose what a right answer contains; the base's answer must be right.

    The result is the new item's id.
    """

    CSS_PATH = "new_probe.tcss"
    AUTO_FOCUS: ClassVar = "Input"

    def __init__(self, exchange: Exchange) -> None:
        """Make a probe of the prompt of ``exchange``, which the base has answered."""
        super().__init__()
        self._prompt = exchange.prompt
        self._answers = {lane: scored_part(done) for lane, done in exchange.ordered_answers.items()}
        self._follow_up = len(exchange.conversations[BASE]) > 1

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Ask this in every future run"
            box.border_subtitle = "enter adds it   escape closes"
            yield Static(Content(visible(self._prompt)), id="question")
            with VerticalScroll(id="base", can_focus=False):
                yield Static(Content(visible(self._answers[BASE].strip())))
            yield Static(
                "An answer is right if it contains any of these phrases; "
                f"separate them with {_SEPARATOR}"
            )
            yield Input(self._suggestion(), compact=True)
            yield Static(id="verdicts")
            if self._follow_up:
                yield Static(
                    "It will be asked without the conversation before it, so the base may answer "
                    "differently.",
                    id="follow-up",
                )

    def on_input_changed(self) -> None:
        """Show how the answers of the chat would be scored."""
        try:
            verdicts = [self._verdict(lane) for lane in self._answers]
        except FtwbError as error:
            self._show_error(error)
        else:
            place = (locations.shorten(user_suite_path()), "dim")
            self.query_one("#verdicts", Static).update(Content.assemble(*verdicts, place))

    def on_input_submitted(self) -> None:
        """Add the probe, or say why that is not possible."""
        try:
            item = add_probe(self._prompt, self._phrases(), self._answers[BASE])
        except FtwbError as error:
            self._show_error(error)
        else:
            self.dismiss(item.id)

    def _suggestion(self) -> str:
        others = " ".join(text for lane, text in self._answers.items() if lane != BASE)
        phrases = key_phrases(self._prompt, self._answers[BASE], others)
        return f" {_SEPARATOR} ".join(map(visible, phrases))

    def _phrases(self) -> list[str]:
        phrases = self.query_one(Input).value.split(_SEPARATOR)
        return [phrase.strip() for phrase in phrases if phrase.strip()]

    def _verdict(self, lane: str) -> Content:
        right = passes(self._phrases(), self._answers[lane])
        label = ("✓ right", "$text-success") if right else ("✗ wrong", "$text-error")
        return Content.assemble(f"{lane} ", label, "   ")

    def _show_error(self, error: FtwbError) -> None:
        content = Content.styled(visible(str(error)), "$text-error")
        self.query_one("#verdicts", Static).update(content)


def scored_part(done: Done) -> str:
    """About as much of a long answer as the suite, which generates fewer tokens, would score."""
    share = min(1.0, NEW_TOKENS / max(1, done.tokens))
    return done.text[: int(share * len(done.text))]
