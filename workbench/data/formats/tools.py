"""Tools of a conversation: their descriptions and the calls of them, as OpenAI writes both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.data.formats.fields import as_list, from_json
from workbench.data.rows import UnfitRowError, absent, json_type

if TYPE_CHECKING:
    from collections.abc import Sequence

_ARGUMENTS = ("arguments", "parameters", "args", "input")


def read_tools(value: object) -> tuple[Mapping[str, object], ...]:
    """The descriptions of a row's tools, from a list or its JSON text.

    Raises:
        UnfitRowError: They are something else.
    """
    if absent(value) or (isinstance(value, str) and not value.strip()):
        return ()
    return tuple(_tool(tool) for tool in as_list(value, "tools"))


def read_calls(value: object) -> tuple[Mapping[str, object], ...]:
    """The calls of a turn, from a list, a single call, or JSON text of either.

    Raises:
        UnfitRowError: A call has no name, or its arguments are no object.
    """
    if isinstance(value, str):
        value = _json(value, "a tool call")
    calls: Sequence[object] = value if isinstance(value, (list, tuple)) else [value]
    return tuple(_call(call) for call in calls if not absent(call))


def _tool(tool: object) -> Mapping[str, object]:
    if isinstance(tool, str):
        tool = from_json(tool, "tools")
    if not isinstance(tool, Mapping):
        raise UnfitRowError(f"a tool is {json_type(tool)}, not an object")
    tool = _without_nulls(tool)
    return tool if "function" in tool else {"type": "function", "function": tool}


def _call(call: object) -> Mapping[str, object]:
    if isinstance(call, str):
        call = _json(call, "a tool call")
    if not isinstance(call, Mapping):
        raise UnfitRowError(f"a tool call is {json_type(call)}, not an object")
    function = call.get("function")
    if not isinstance(function, Mapping):
        function = call
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise UnfitRowError("a tool call has no 'name' of the tool")
    given = (function[key] for key in _ARGUMENTS if not absent(function.get(key)))
    arguments: object = next(given, {})
    called = {"name": name, "arguments": _arguments(arguments, name)}
    identity = {"id": str(call["id"])} if not absent(call.get("id")) else {}
    return {"type": "function", **identity, "function": called}


def _arguments(value: object, name: str) -> Mapping[str, object]:
    """Arguments as an object; a null in their JSON text is the author's, elsewhere Arrow's."""
    if isinstance(value, str):
        value = _json(value, f"the arguments of {name!r}") if value.strip() else {}
    elif isinstance(value, Mapping):
        value = _without_nulls(value)
    if not isinstance(value, dict):
        raise UnfitRowError(f"the arguments of {name!r} are {json_type(value)}, not an object")
    return value


def _json(text: str, what: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnfitRowError(f"{what} is text that is not JSON") from error


def _without_nulls(value: Mapping[str, object]) -> dict[str, object]:
    return {key: _clean(inner) for key, inner in value.items() if not absent(inner)}


def _clean(value: object) -> object:
    if isinstance(value, Mapping):
        return _without_nulls(value)
    return [_clean(item) for item in value] if isinstance(value, (list, tuple)) else value
