"""The prompt: several lines if needed; enter sends, and the arrows recall earlier prompts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import TextArea

from workbench.tui.commands import command
from workbench.tui.widgets.chat.hints import key_hints

if TYPE_CHECKING:
    from textual.events import Key
    from textual.screen import Screen

_BOTH = 2


@dataclass
class PromptHistory:
    """Earlier prompts, and the draft that was in the box before the user recalled one."""

    prompts: list[str] = field(default_factory=list)
    _position: int = 0
    _draft: str = ""

    def add(self, prompt: str) -> None:
        """Append a prompt unless it repeats the last one, and go to the end."""
        if self.prompts[-1:] != [prompt]:
            self.prompts.append(prompt)
        self._position, self._draft = len(self.prompts), ""

    def older(self, current: str) -> str | None:
        """The prompt before, None at the oldest; ``current`` is kept as the draft."""
        if self._position == 0:
            return None
        if self._position == len(self.prompts):
            self._draft = current
        self._position -= 1
        return self.prompts[self._position]

    def newer(self) -> str | None:
        """The prompt after, the draft after the newest, None after the draft."""
        if self._position >= len(self.prompts):
            return None
        self._position += 1
        at_end = self._position == len(self.prompts)
        return self._draft if at_end else self.prompts[self._position]


class PromptBox(TextArea):
    """Keeps the focus while answers stream.

    Attributes:
        prompt_history: The prompts that were sent.
    """

    DEFAULT_CSS: ClassVar[str] = """
    PromptBox {
        height: auto;
        min-height: 3;
        max-height: 8;
        padding: 0 1;
        background: transparent;
        border: round $border-blurred;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        scrollbar-size: 1 1;
        &:focus { border: round $border; }
    }
    """
    BINDINGS: ClassVar = [
        Binding("enter", "send", "Send", tooltip="Ask every lane.", show=False, id="send"),
        command(
            "ctrl+j,shift+enter,alt+enter",
            "new_line",
            "New line",
            "Break the line instead of sending the prompt.",
            footer=False,
        ),
        command("pageup", "scroll_answers(-1)", "Up", "Scroll all answers up.", footer=False),
        command("pagedown", "scroll_answers(1)", "Down", "Scroll all answers down.", footer=False),
        command("up", "older", "Older prompt", "Recall the prompt before.", footer=False),
        command("down", "newer", "Newer prompt", "Recall the prompt after.", footer=False),
    ]

    lane_count: var[int] = var(_BOTH)
    """The number of models that are asked."""
    offers_probes: var[bool] = var(False)
    """Whether a digit in the empty box chooses a numbered probe."""
    notice: var[str] = var("", init=False)
    """Shown on the upper border instead of the key hints, unless empty."""

    @dataclass
    class Submitted(Message):
        """The user sent a prompt; the box stays as it is until :meth:`PromptBox.accept`."""

        prompt: str

    @dataclass
    class DigitTyped(Message):
        """A digit was typed into the empty box while numbered probes are offered."""

        digit: int

    @dataclass
    class AnswersScrolled(Message):
        """The user asked to scroll the answers, up with -1 or down with 1."""

        direction: int

    def __init__(self, text: str = "") -> None:
        super().__init__(
            text,
            id="prompt",
            highlight_cursor_line=False,
            soft_wrap=True,
            show_line_numbers=False,
        )
        self.border_subtitle = "enter sends · ↑ ↓ earlier prompts · ctrl+j new line"
        self.prompt_history = PromptHistory()

    def on_mount(self) -> None:
        """Update the key hints whenever the keys that apply change."""
        self.screen.bindings_updated_signal.subscribe(self, self._show_hints)

    def _show_hints(self, screen: Screen[Any]) -> None:
        self.border_title = Content(self.notice) if self.notice else key_hints(screen)

    def watch_notice(self) -> None:
        self._show_hints(self.screen)

    def watch_lane_count(self, lane_count: int) -> None:
        models = "both" if lane_count == _BOTH else f"all {lane_count}"
        self.placeholder = f"Ask {models} models …"

    def accept(self, prompt: str) -> None:
        """Move a sent prompt into the history; a box that was changed since keeps its text."""
        self.prompt_history.add(prompt)
        if self.text.strip() == prompt:
            self.clear()

    def put(self, prompt: str) -> None:
        """Put a prompt into the box for editing; a draft is kept in the history."""
        if draft := self.text.strip():
            self.prompt_history.add(draft)
        self._replace(prompt)
        self.focus()

    def on_key(self, event: Key) -> None:
        """Send on enter, and choose a numbered probe on a digit while they are offered.

        Enter is handled here because a priority binding would run before the characters typed
        just before it are in the box. Letters with alt are commands of the screen, although many
        terminals also report the letter as text.
        """
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            self.action_send()
        elif event.key.startswith("alt+"):
            event.prevent_default()
        elif self.offers_probes and not self.text and (event.character or "").isdecimal():
            event.prevent_default()
            event.stop()
            self.post_message(self.DigitTyped(int(event.character or "0")))

    def action_send(self) -> None:
        if prompt := self.text.strip():
            self.post_message(self.Submitted(prompt))

    def action_new_line(self) -> None:
        self.insert("\n")

    def action_scroll_answers(self, direction: int) -> None:
        self.post_message(self.AnswersScrolled(direction))

    def action_older(self) -> None:
        """Recall the prompt before in the first line; elsewhere move the cursor up."""
        if self.cursor_location[0] > 0:
            self.action_cursor_up()
        elif (prompt := self.prompt_history.older(self.text)) is not None:
            self._replace(prompt)

    def action_newer(self) -> None:
        """Recall the prompt after in the last line; elsewhere move the cursor down."""
        if self.cursor_location[0] < self.document.line_count - 1:
            self.action_cursor_down()
        elif (prompt := self.prompt_history.newer()) is not None:
            self._replace(prompt)

    def _replace(self, prompt: str) -> None:
        self.text = prompt
        self.move_cursor(self.document.end)
