"""Every alt key of the chat must arrive as itself from a terminal's bytes."""

from __future__ import annotations

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key

from workbench.tui.screens.chat import ChatScreen
from workbench.tui.widgets.chat.conversation import ConversationView

LETTERS = sorted(
    key
    for node in (ChatScreen, ConversationView)
    for binding in node.BINDINGS
    for key in binding.key.split(",")
    if key.startswith("alt+") and len(key) == len("alt+x")
)


def test_there_are_such_keys_and_none_means_two_things() -> None:
    assert len(LETTERS) > 5
    assert len(LETTERS) == len(set(LETTERS))


@pytest.mark.parametrize("key", LETTERS)
def test_a_letter_with_alt_arrives_as_itself(key: str) -> None:
    """Readline's word keys, escape b and f, are something else by the time they are keys."""
    parser = XTermParser()
    (arrived,) = [*parser.feed(f"\x1b{key[-1]}"), *parser.feed("")]
    assert isinstance(arrived, Key)
    assert arrived.key == key
