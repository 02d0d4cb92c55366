"""Where an answer begins in a rendered conversation: where the model would begin to generate it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.data import thinking
from workbench.data.marking import thinks
from workbench.data.rows import UnfitRowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workbench.data.marking import MarkedChat

_PREVIOUS = "qvxzprevious"
"""A word that stands for the message before an answer."""


def beginning(chat: MarkedChat, turn: int, first: int) -> int:
    """Where the model would begin to generate an answer whose first part is at ``first``.

    1. That is where the prompt for it ends, if the conversation begins with the prompt.
    2. Where the template has changed the history, only what follows the message before the answer
       is compared.
    3. Else it is where the words are, if they are all there is; thoughts and calls of tools begin
       before what is known of them.

    An empty thought that the template writes there is not generated.

    Raises:
        UnfitRowError: The beginning is not certain.
    """
    start = _end_of_prompt(chat, turn, first)
    if start is None:
        start = _end_of_prompt_after_previous(chat, turn, first)
    if start is not None:
        return thinking.end_of_empty(chat.text, start, first, chat.template.thought_gap)
    thought = any(places for part, places in chat.places.items() if part[:2] == (turn, "thought"))
    if thought or chat.messages[turn].tool_calls:
        raise UnfitRowError(
            "the model's chat template renders the answer so that its beginning is not certain; "
            "set data.chat_template to another template"
        )
    return first


def _end_of_prompt(chat: MarkedChat, turn: int, first: int) -> int | None:
    for prompt in _prompts(chat, turn, lambda think: chat.prompt(turn, think=think)):
        if prompt and len(prompt) <= first and chat.text.startswith(prompt):
            return len(prompt)
    return None


def _end_of_prompt_after_previous(chat: MarkedChat, turn: int, first: int) -> int | None:
    """The same, compared from the end of the previous message on."""
    if turn == 0:
        return None
    messages = list(chat.messages)
    messages[turn - 1] = replace(messages[turn - 1], content=_PREVIOUS)

    def prompt_after(think: bool) -> str:
        return chat.prompt_for(messages[:turn], think).rpartition(_PREVIOUS)[2]

    whole = chat.template.write(messages, chat.tools, think=chat.think)
    tail = whole.rpartition(_PREVIOUS)[2]
    start = len(chat.text) - len(tail)
    if not chat.text.endswith(tail) or start > first:
        return None
    for prompt in _prompts(chat, turn, prompt_after):
        if prompt and start + len(prompt) <= first and tail.startswith(prompt):
            return start + len(prompt)
    return None


def _prompts(chat: MarkedChat, turn: int, ask: Callable[[bool], str]) -> Iterator[str]:
    """What the model may have been asked with before a turn, the likeliest first.

    That is a prompt that lets it think if the answer has a thought, and else one that does not. In
    the history templates also drop thoughts, or write empty ones.
    """
    think = thinks(chat.messages[turn])
    for switched_on in dict.fromkeys((think, chat.think, not think)):
        prompt = ask(switched_on)
        yield prompt if think else thinking.closed(prompt)
        yield prompt
        yield thinking.without(prompt)
        if not thinking.has_switch(chat.template.source):
            return
