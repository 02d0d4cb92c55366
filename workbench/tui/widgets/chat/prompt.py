"""Where the user asks: several lines if needed, enter sends, the arrows bring back old prompts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import TextArea

from workbench.tui.commands import command
from workbench.tui.widgets.chat.hints import hints

if TYPE_CHECKING:
    from textual.events import Key
    from textual.screen import Screen


_BOTH = 2


@dataclass
class PromptHistory:
    """Prompts sent before, and the draft that was there before the user went through them."""

    prompts: list[str] = field(default_factory=list)
    _place: int = 0
    _draft: str = ""

    def add(self, prompt: str) -> None:
        """Remember a prompt, once where it repeats the last one, and stand behind it."""
        if self.prompts[-1:] != [prompt]:
            self.prompts.append(prompt)
        self._place, self._draft = len(self.prompts), ""

    def older(self, current: str) -> str | None:
        """The prompt before, None at the oldest; ``current`` is kept as the draft."""
        if self._place == 0:
            return None
        if self._place == len(self.prompts):
            self._draft = current
        self._place -= 1
        return self.prompts[self._place]

    def newer(self) -> str | None:
        """The prompt after, the draft behind the newest, None behind the draft."""
        if self._place >= len(self.prompts):
            return None
        self._place += 1
        return self._draft if self._place == len(self.prompts) else self.prompts[self._place]


class PromptBox(TextArea):
    """The prompt; it keeps the focus while the answers stream."""

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
        Binding(
            "enter",
            "send",
            "Send",
            tooltip="Ask every lane.",
            show=False,
            id="send",
        ),
        command(
            "ctrl+j,shift+enter,alt+enter",
            "new_line",
            "New line",
            "Go on in the next line of the prompt.",
            footer=False,
        ),
        command("pageup", "screen.scroll_lanes(-1)", "Up", "Scroll both answers up.", footer=False),
        command(
            "pagedown", "screen.scroll_lanes(1)", "Down", "Scroll both answers down.", footer=False
        ),
        command("up", "older", "Older prompt", "Bring back the prompt before.", footer=False),
        command("down", "newer", "Newer prompt", "Go on to the prompt after.", footer=False),
    ]

    @dataclass
    class Sent(Message):
        """The user sent a prompt; the box stays as it is until :meth:`PromptBox.accept`."""

        prompt: str

    @dataclass
    class Digit(Message):
        """A digit was typed into the empty box, where a list of numbered probes may be waiting."""

        number: int

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(
            id="prompt",
            highlight_cursor_line=False,
            soft_wrap=True,
            show_line_numbers=False,
        )
        self.border_subtitle = "enter sends · ↑ ↓ earlier prompts · ctrl+j new line"
        self.earlier = PromptHistory()
        self.offers_digits = False
        self._told = ""

    def on_mount(self) -> None:
        """Offer the keys that do something with the answers, as they change."""
        self.screen.bindings_updated_signal.subscribe(self, self._hint)

    def tell(self, words: str) -> None:
        """Say something on the upper border instead of the keys; empty gives them back."""
        self._told = words
        self._hint(self.screen)

    def _hint(self, screen: Screen[Any]) -> None:
        self.border_title = Content(self._told) if self._told else hints(screen)

    def accept(self) -> None:
        """Take the prompt into the history and empty the box."""
        self.earlier.add(self.text.strip())
        self.clear()

    def address(self, models: int) -> None:
        """Say how many models are asked."""
        self.placeholder = f"Ask {'both' if models == _BOTH else f'all {models}'} models …"

    def put(self, prompt: str) -> None:
        """Put a prompt into the box, to be changed and sent; a draft goes into the history."""
        if draft := self.text.strip():
            self.earlier.add(draft)
        self._replace(prompt)
        self.focus()

    def on_key(self, event: Key) -> None:
        """Send on enter, and let a digit choose from the numbered probes while they are offered.

        Enter waits its turn here, because a binding with priority would send before what was
        typed just before it has arrived in the box. A letter with alt is a command of the screen:
        many terminals send it as the letter.
        """
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            self.action_send()
        elif event.key.startswith("alt+"):
            event.prevent_default()
        elif self.offers_digits and not self.text and (event.character or "").isdecimal():
            event.prevent_default()
            event.stop()
            self.post_message(self.Digit(int(event.character or "0")))

    def action_send(self) -> None:
        """Send what is written, if anything is."""
        if prompt := self.text.strip():
            self.post_message(self.Sent(prompt))

    def action_new_line(self) -> None:
        """Break the line."""
        self.insert("\n")

    def action_older(self) -> None:
        """In the first line go back in the history, elsewhere one line up."""
        if self.cursor_location[0] > 0:
            self.action_cursor_up()
        elif (prompt := self.earlier.older(self.text)) is not None:
            self._replace(prompt)

    def action_newer(self) -> None:
        """In the last line go forward in the history, elsewhere one line down."""
        if self.cursor_location[0] < self.document.line_count - 1:
            self.action_cursor_down()
        elif (prompt := self.earlier.newer()) is not None:
            self._replace(prompt)

    def _replace(self, prompt: str) -> None:
        self.text = prompt
        self.move_cursor(self.document.end)
