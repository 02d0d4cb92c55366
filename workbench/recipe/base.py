"""The base of every part of a recipe: frozen, strict, and described well enough to be a form."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A group of fields that a form, the CLI, the schema and the help all read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def field(
    default: Any = ...,
    *,
    title: str,
    help: str,  # noqa: A002 - the word a form's author looks for
    unit: str = "",
    advanced: bool = False,
    **bounds: Any,
) -> Any:
    """Declare a recipe field.

    Args:
        default: The value when the recipe is silent; without one the field is required.
        title: Its label in forms.
        help: One sentence on what it does and how to choose it.
        unit: The unit of its value, shown beside it.
        advanced: Hidden in forms until the user asks for all fields.
        **bounds: Pydantic's own bounds (``gt``, ``ge``, ``lt``, ``le``, ``min_length`` …).
    """
    extra: dict[str, Any] = {"advanced": advanced}
    if unit:
        extra["unit"] = unit
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)
