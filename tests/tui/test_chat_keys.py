"""Every alt key of the chat must arrive as itself from a terminal's bytes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pexpect
import pytest

from workbench.tui.screens.chat import ChatScreen
from workbench.tui.widgets.chat.conversation import ConversationView

if TYPE_CHECKING:
    from pathlib import Path

LETTERS = sorted(
    key
    for node in (ChatScreen, ConversationView)
    for binding in node.BINDINGS
    for key in binding.key.split(",")
    if key.startswith("alt+") and len(key) == len("alt+x")
)
KEYS_TO_FILE = """
import sys
from textual.app import App

class Keys(App):
    def on_mount(self):
        self.file = open(sys.argv[1], "a", buffering=1)

    def on_key(self, event):
        print(event.key, file=self.file)

Keys().run()
"""


def test_there_are_such_keys_and_none_means_two_things() -> None:
    assert len(LETTERS) > 5
    assert len(LETTERS) == len(set(LETTERS))


@pytest.mark.slow
def test_a_letter_with_alt_arrives_as_itself(tmp_path: Path) -> None:
    """Readline's word keys, escape b and f, are something else by the time they are keys."""
    arrived = tmp_path / "keys"
    app = pexpect.spawn(sys.executable, ["-c", KEYS_TO_FILE, str(arrived)], timeout=60)
    try:
        wait_for_lines(arrived, 0)
        for number, key in enumerate(LETTERS, 1):
            app.send(f"\x1b{key[-1]}")
            wait_for_lines(arrived, number)
    finally:
        app.terminate(force=True)
    assert arrived.read_text().split() == LETTERS


def wait_for_lines(path: Path, count: int, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists() or len(path.read_text().splitlines()) < count:
        assert time.monotonic() < end, f"fewer than {count} keys arrived"
        time.sleep(0.02)
