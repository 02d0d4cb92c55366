"""A question of the chat becomes a probe of the user's own suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from workbench.core import locations
from workbench.core.errors import FtwbError
from workbench.core.sanitize import visible
from workbench.evaluation.suites.user_suite import add_probe, key_phrases, passes, user_suite_path
from workbench.tui.screens.base import Dialog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

_BETWEEN = "|"


class NewProbeScreen(Dialog[str]):
    """Choose what a right answer has; the base's own must be right. Answers with the item's id."""

    CSS_PATH = "new_probe.tcss"
    AUTO_FOCUS: ClassVar = "Input"

    def __init__(self, prompt: str, answers: Mapping[str, str], *, alone: bool) -> None:
        """Make a probe of ``prompt``.

        Args:
            prompt: The question.
            answers: What was said to it by the base and by others, by lane.
            alone: Whether the question was all that the base was told.
        """
        super().__init__()
        self._prompt = prompt
        self._answers = answers
        self._alone = alone

    def compose(self) -> ComposeResult:
        """Lay out question, answer and what is right."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Ask this in every run from now on"
            box.border_subtitle = "enter adds it   escape leaves"
            yield Static(Content(visible(self._prompt)), id="asked")
            with VerticalScroll(id="base", can_focus=False):
                yield Static(Content(visible(self._answers["base"].strip())))
            yield Static(f"Right is an answer that has any of these; separate them by {_BETWEEN}")
            yield Input(self._guess(), compact=True)
            yield Static(id="judged")
            if not self._alone:
                yield Static(
                    "It is asked alone, without what was said before: the base may answer "
                    "otherwise then.",
                    id="alone",
                )

    def on_input_changed(self) -> None:
        """Say how the answers of the chat would be scored."""
        try:
            told = [self._judged(lane) for lane in self._answers]
        except FtwbError as error:
            self._complain(str(error))
        else:
            place = (locations.shorten(user_suite_path()), "dim")
            self.query_one("#judged", Static).update(Content.assemble(*told, place))

    def on_input_submitted(self) -> None:
        """Add the probe, or say why it cannot be one."""
        try:
            item = add_probe(self._prompt, self._phrases(), self._answers["base"])
        except FtwbError as error:
            self._complain(str(error))
        else:
            self.dismiss(item.id)

    def _guess(self) -> str:
        others = " ".join(text for lane, text in self._answers.items() if lane != "base")
        found = key_phrases(self._prompt, self._answers["base"], others)
        return f" {_BETWEEN} ".join(map(visible, found))

    def _phrases(self) -> list[str]:
        written = self.query_one(Input).value.split(_BETWEEN)
        return [phrase.strip() for phrase in written if phrase.strip()]

    def _judged(self, lane: str) -> Content:
        right = passes(self._phrases(), self._answers[lane])
        mark = ("✓ right", "$text-success") if right else ("✗ wrong", "$text-error")
        return Content.assemble(f"{lane} ", mark, "   ")

    def _complain(self, why: str) -> None:
        self.query_one("#judged", Static).update(Content.styled(visible(why), "$text-error"))
