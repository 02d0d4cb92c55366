"""Which exchange the keys act on."""

from __future__ import annotations

from workbench.chat.dialogue import Dialogue
from workbench.chat.selection import Selection
from workbench.chat.settings import ChatSettings


def dialogue_of(*prompts: str) -> Dialogue:
    dialogue = Dialogue()
    for prompt in prompts:
        dialogue.ask(prompt, ["base", "tuned"], ChatSettings(), {})
    return dialogue


def test_the_newest_exchange_is_meant_until_the_user_goes_to_an_earlier_one() -> None:
    dialogue = dialogue_of("one", "two", "three")
    first, second, third = dialogue.exchanges
    selection = Selection(dialogue)
    assert selection.target is third
    selected = []
    for step in (-1, -1, -1, 1, 1, 1):
        selection.move(step)
        selected.append((selection.target, selection.exchange))
    assert selected == [
        (second, second),
        (first, first),
        (first, first),
        (second, second),
        (third, None),
        (third, None),
    ]


def test_clearing_goes_back_to_the_newest() -> None:
    dialogue = dialogue_of("one", "two")
    selection = Selection(dialogue)
    selection.move(-1)
    selection.clear()
    assert selection.target is dialogue.last


def test_an_empty_chat_has_no_target() -> None:
    selection = Selection(dialogue_of())
    selection.move(-1)
    assert selection.target is None
