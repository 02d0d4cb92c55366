"""Models that think before they answer: rendered so that they answer at once, where that works.

A thought is far longer than an answer: a model that is asked with a limit is cut off in the middle
of it and counts as wrong, however much it knows. Base and tuned model are therefore both kept from
thinking, in training and wherever they are asked:

1. Where a template reads ``enable_thinking`` (as Qwen3's does), thinking is switched off.
2. Where a template opens the thought itself (as DeepSeek-R1's does), it is closed at once, which
   such models accept (arXiv 2504.09858).
3. Where a template only mentions thoughts, the model gets tokens for one, which is stripped.
"""

from __future__ import annotations

import re
from typing import Any, Literal

Thinking = Literal["", "off", "stripped"]
"""How a model is kept from thinking; empty for a model that does not think."""

THOUGHT_TOKENS = 1024
"""Tokens for a thought that is stripped, beside those for the answer."""

_SWITCH = re.compile(r"\benable_thinking\b")
_OPEN = re.compile(r"<think>\s*\Z")
_BEGIN, _END = "<think>", "</think>"


def template_options(template: str) -> dict[str, Any]:
    """Arguments for the template that switch thinking off; empty where it has no switch."""
    return {"enable_thinking": False} if _SWITCH.search(template) else {}


def closed(prompt: str) -> str:
    """A prompt in which no thought is left open."""
    return f"{prompt.rstrip()}\n\n{_END}\n\n" if _OPEN.search(prompt) else prompt


def empty_thought(prompt: str) -> str:
    """The thought that :func:`closed` leaves in a prompt; empty where the prompt opens none."""
    return f"{_BEGIN}\n\n{_END}\n\n" if _OPEN.search(prompt) else ""


def follows_thought(text: str, start: int) -> bool:
    """Whether the answer at ``start`` comes after a thought, or begins with one."""
    return text[:start].rstrip().endswith(_END) or text.startswith(_BEGIN, start)


def thinking(template: str, prompt: str) -> Thinking:
    """How a model with this template is kept from thinking.

    Args:
        template: Its source.
        prompt: A prompt that it renders.
    """
    if _SWITCH.search(template) or _OPEN.search(prompt):
        return "off"
    return "stripped" if _END in template else ""


def begins_thought(text: str) -> bool:
    """Whether an answer begins with a thought."""
    return text.lstrip().startswith(_BEGIN)


def ends_thought(text: str) -> bool:
    """Whether the thought at the beginning of a text has ended."""
    return _END in text
