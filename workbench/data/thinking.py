"""Models that think before they answer: their thoughts in the data, and prompts without one.

A thought is far longer than an answer: a model that is asked with a limit is cut off in the middle
of it and counts as wrong, however much it knows. Base and tuned model are therefore both kept from
thinking wherever they are asked, and in training wherever a row has no thought:

1. Where a template reads ``enable_thinking`` (as Qwen3's does), thinking is switched off.
2. Where a template opens the thought itself (as DeepSeek-R1's does), it is closed at once, which
   such models accept (arXiv 2504.09858).
3. Where a template only mentions thoughts, the model gets tokens for one, which is stripped.

A thought that a row has is learned, after the prompt that lets the model think.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

Thinking = Literal["", "off", "stripped"]
"""How a model is kept from thinking; empty for a model that does not think."""

THOUGHT_TOKENS = 1024
"""Tokens for a thought that is stripped, beside those for the answer."""

BEGIN, END = "<think>", "</think>"
_SWITCH = re.compile(r"\benable_thinking\b")
_OPEN = re.compile(r"<think>\s*\Z")
_AT_END = re.compile(r"<think>\s*(?:</think>\s*)?\Z")
_EMPTY = re.compile(r"\s*(?:<think>\s*)?</think>")


class Thought(NamedTuple):
    """An answer in two parts, the first of which may be empty."""

    thought: str
    answer: str


def split(content: str) -> Thought:
    """The thought that a text begins with, without its tags, and what follows it."""
    before, end, answer = content.partition(END)
    opening, begin, thought = before.partition(BEGIN)
    if not end or (begin and opening.strip()):
        return Thought("", content)
    return Thought((thought if begin else before).strip(), answer.strip())


def joined(thought: str, answer: str) -> str:
    """A thought and its answer as one text, as :func:`split` takes them apart."""
    return f"{BEGIN}\n{thought}\n{END}\n\n{answer}"


def has_switch(template: str) -> bool:
    """Whether a template lets the caller switch thinking on and off."""
    return bool(_SWITCH.search(template))


def template_options(template: str, *, think: bool = False) -> dict[str, Any]:
    """Arguments for a template that switch thinking; empty where it has no switch."""
    return {"enable_thinking": think} if has_switch(template) else {}


def opens(prompt: str) -> bool:
    """Whether a prompt ends inside a thought."""
    return bool(_OPEN.search(prompt))


def closed(prompt: str) -> str:
    """A prompt in which no thought is left open."""
    return f"{prompt.rstrip()}\n\n{END}\n\n" if opens(prompt) else prompt


def without(prompt: str) -> str:
    """A prompt without the thought, open or empty, at its end."""
    return _AT_END.sub("", prompt)


def gap(prompt: str) -> str:
    """The white space between the empty thought at the end of a prompt and the answer."""
    prompt = closed(prompt)
    return prompt[len(prompt.rstrip()) :] if _AT_END.search(prompt) else ""


def end_of_empty(text: str, start: int, stop: int, gap: str) -> int:
    """The end of an empty thought and ``gap`` at ``start`` and before ``stop``, or ``start``."""
    empty = _EMPTY.match(text, start, stop)
    if not empty:
        return start
    return empty.end() + (len(gap) if text.startswith(gap, empty.end(), stop) else 0)


def thinking(template: str, prompt: str) -> Thinking:
    """How a model with this template is kept from thinking.

    Args:
        template: Its source.
        prompt: A prompt that it renders.
    """
    if has_switch(template) or opens(prompt):
        return "off"
    return "stripped" if END in template else ""


def begins_thought(text: str) -> bool:
    """Whether an answer begins with a thought."""
    return text.lstrip().startswith(BEGIN)


def ends_thought(text: str) -> bool:
    """Whether the thought at the beginning of a text has ended."""
    return END in text
