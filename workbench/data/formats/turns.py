"""The turns of a conversation, however their keys and roles are named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.data.formats.examples import Message, Role
from workbench.data.formats.fields import plain_name
from workbench.data.formats.tools import read_calls
from workbench.data.rows import UnfitRowError, absent, json_type, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.recipe.columns import Column

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter", "customer"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "gpt4", "gpt_4", "bing", "bard", "claude", "ai", "model"),
        "assistant",
    ),
    **dict.fromkeys(("bot", "chatbot", "llm", "agent"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "ipython", "environment"), "tool"),
    **dict.fromkeys(("tool_response", "tool_result", "tool_results", "function_response"), "tool"),
}
_CALLING = ("function_call", "tool_call", "tool_calls")
"""Roles of ShareGPT's turns that are nothing but a call of a tool."""
_ROLE = ("role", "from")
_CONTENT = ("content", "value", "text")
_WEIGHTS = ("weight", "train", "training", "trainable", "loss")
_CALLS = ("tool_calls", "function_call")
_REASONING = ("reasoning_content", "reasoning", "thinking")
_IN_PARTS = ("train_detail", "training_detail")
"""Keys that train parts of a turn."""
_USED: dict[Role, frozenset[str]] = {
    "system": frozenset((*_ROLE, *_CONTENT, *_WEIGHTS)),
    "user": frozenset((*_ROLE, *_CONTENT, *_WEIGHTS)),
    "assistant": frozenset((*_ROLE, *_CONTENT, *_WEIGHTS, *_CALLS, *_REASONING)),
    "tool": frozenset((*_ROLE, *_CONTENT, *_WEIGHTS, "name", "tool_call_id")),
}
_NOTHING: tuple[object, ...] = (None, "", [], (), {})


def is_turn(value: object) -> bool:
    """Whether a value is written like one turn of a conversation."""
    if not isinstance(value, Mapping):
        return False
    names = {plain_name(str(name)) for name in value}
    return not names.isdisjoint(_ROLE) and not names.isdisjoint((*_CONTENT, *_CALLS))


class TurnReader:
    """Reads turns, and remembers which of their keys no model sees.

    Attributes:
        unused: These keys, as they were first written, in order.
    """

    def __init__(self, columns: Mapping[Column, str]) -> None:
        """Read turns whose keys for role and content may be named in ``columns``."""
        self.unused: dict[str, None] = {}
        inside: tuple[Column, ...] = ("role", "content")
        self._keys = {plain_name(columns[name]): name for name in inside if name in columns}

    def read(self, turns: Iterable[object]) -> tuple[Message, ...]:
        """Turn the turns of a conversation into messages.

        Raises:
            UnfitRowError: A turn is not an object, or has a role, a content, a weight or a call
                that cannot be used.
        """
        return tuple(map(self._message, turns))

    def _message(self, turn: object) -> Message:
        if not isinstance(turn, Mapping):
            raise UnfitRowError(f"a message is {json_type(turn)}, not an object")
        values = {self._key(name): value for name, value in turn.items() if not absent(value)}
        if values.keys().isdisjoint(_CONTENT) and any(self._key(name) in _CONTENT for name in turn):
            values["content"] = ""  # it is null
        written = _first(_ROLE, values)
        name = plain_name(written) if isinstance(written, str) else ""
        role: Role | None = "assistant" if name in _CALLING else _ROLES.get(name)
        if role is None:
            raise UnfitRowError(_unknown_role(written))
        if part := next((key for key in _IN_PARTS if values.get(key)), None):
            raise UnfitRowError(f"{part!r} trains parts of a message; write the row as 'segments'")
        if not values.keys() <= _USED[role]:
            self._note_unused(role, turn)
        return _calling(values) if name in _CALLING else _said(role, values)

    def _key(self, name: object) -> str:
        plain = plain_name(str(name))
        return self._keys.get(plain, plain)

    def _note_unused(self, role: Role, turn: Mapping[str, object]) -> None:
        for name, value in turn.items():
            if self._key(name) not in _USED[role] and value not in _NOTHING:
                self.unused.setdefault(str(name))


def _unknown_role(role: object) -> str:
    if absent(role):
        return "a message has no 'role' or 'from'"
    return f"unknown role {role!r}; it must be system, user, assistant, tool or a usual name of one"


def _said(role: Role, values: Mapping[str, object]) -> Message:
    content, thought = _content(role, values)
    if role == "tool":
        name, call = (text_of(values.get(key), key) for key in ("name", "tool_call_id"))
        return Message(role, content, name=name, tool_call_id=call)
    if role != "assistant":
        return Message(role, content)
    calls = _first(_CALLS, values)
    return Message(
        role,
        content,
        trained=_trained(values),
        reasoning=text_of(_first(_REASONING, values), "reasoning") or thought,
        tool_calls=() if calls in _NOTHING else read_calls(calls),
    )


def _calling(values: Mapping[str, object]) -> Message:
    """A turn whose content is a call; ShareGPT gives such turns a role of their own."""
    calls = read_calls(_first(_CONTENT, values))
    return Message("assistant", "", trained=_trained(values), tool_calls=calls)


def _content(role: Role, values: Mapping[str, object]) -> tuple[str, str]:
    """What a turn says, and the thought among its parts."""
    name = next((name for name in _CONTENT if name in values), None)
    if name is None:
        if values.keys().isdisjoint((*_CALLS, *_REASONING)):
            raise UnfitRowError("a message has no 'content' or 'value'")
        return "", ""
    value = values[name]
    if isinstance(value, (list, tuple)):
        return _joined(value, name)
    if role == "tool" and isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False), ""
    return text_of(value, name), ""


def _joined(parts: Sequence[object], name: str) -> tuple[str, str]:
    """Text parts as one text, and parts that are thoughts as another."""
    said, thought = [], []
    for part in parts:
        kind = part.get("type") if isinstance(part, Mapping) else "text"
        if kind in ("thinking", "reasoning") and isinstance(part, Mapping):
            texts = (part[key] for key in ("thinking", "reasoning", "text") if part.get(key))
            thought.append(text_of(next(texts, None), name))
        elif kind in (None, "text", "input_text", "output_text"):
            said.append(text_of(part.get("text") if isinstance(part, Mapping) else part, name))
        else:
            raise UnfitRowError(f"{name!r} has a part of type {kind!r}; only text can be trained")
    return "".join(said), "".join(thought)


def _trained(values: Mapping[str, object]) -> bool:
    """Whether an answer is learned; all marks of the turn must say so."""
    marks = {name: values[name] for name in _WEIGHTS if name in values}
    for name, mark in marks.items():
        if mark not in (0, 1):
            raise UnfitRowError(
                f"{name!r} is {mark!r}: an answer is either learned (1, true) or not (0, false)"
            )
    return all(marks.values())


def _first(names: Sequence[str], values: Mapping[str, object]) -> object:
    for name in names:
        if name in values:
            return values[name]
    return None
