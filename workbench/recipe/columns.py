"""Names that a dataset has for the usual fields, where they are not recognised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from workbench.core.errors import BadInputError

Column = Literal[
    "messages",
    "role",
    "content",
    "tools",
    "system",
    "prompt",
    "completion",
    "context",
    "history",
    "text",
    "segments",
    "input_ids",
    "labels",
]
"""A usual name that a dataset's own column may stand for; role and content are those of turns."""


def _columns_from_text(value: object) -> object:
    """A mapping from text such as ``prompt=Question, completion=Reply``.

    Raises:
        ValueError: A part has no equals sign.
    """
    if not isinstance(value, str):
        return value or {}
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    for name, equals, column in pairs:
        if not (equals and name.strip() and column.strip()):
            raise ValueError("write it as prompt=Question, completion=Reply")
    return {name.strip(): column.strip() for name, _, column in pairs}


Columns = Annotated[dict[Column, str], BeforeValidator(_columns_from_text)]


def parse_columns(text: str) -> dict[Column, str]:
    """Read a mapping of columns from a command line.

    Raises:
        BadInputError: It is not written as one, or names a field that is not usual.
    """
    try:
        return TypeAdapter(Columns).validate_python(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        reason = problem["msg"].removeprefix("Value error, ")
        raise BadInputError(f"columns {text!r}: {reason[:1].lower()}{reason[1:]}") from error
