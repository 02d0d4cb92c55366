"""The base of every recipe section, and how a field describes itself to forms, schema and help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo


def _named(source: object) -> object:
    if source is None or (isinstance(source, str) and not source.strip()):
        raise ValueError("is empty; name a file, a folder, a hub dataset or preset:NAME")
    return source.strip() if isinstance(source, str) else source


def _blank_is_none(value: object) -> object:
    return (value.strip() or None) if isinstance(value, str) else value


Source = Annotated[str, BeforeValidator(_named)]
"""Where a dataset comes from; never empty, because an empty path is the current folder."""
OptionalSource = Annotated[str | None, BeforeValidator(_blank_is_none)]
"""Where a dataset comes from; an empty text means none."""


class Section(BaseModel):
    """A group of recipe fields: frozen, and without room for unknown ones.

    Forms, command line, JSON schema and help are all derived from its fields.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def field(
    default: Any = ...,
    *,
    title: str,
    help: str,  # noqa: A002 - as in click and argparse
    unit: str = "",
    choices: Mapping[str, str] | None = None,
    empty: str = "",
    advanced: bool = False,
    **bounds: Any,
) -> Any:
    """Declare a recipe field.

    Args:
        default: The value when the recipe omits the field; without one the field is required.
        title: Its label in forms.
        help: One sentence on what it does and how to choose it.
        unit: The unit of its value, shown beside it.
        choices: For a ``Literal`` field, what each value means, in a few words.
        empty: For an optional field, what it means to leave it empty, in a word or two.
        advanced: Hidden in forms until the user asks for all fields.
        **bounds: Pydantic's own bounds (``gt``, ``ge``, ``lt``, ``le``, ``min_length`` …).
    """
    extra: dict[str, Any] = {"advanced": advanced}
    if unit:
        extra["unit"] = unit
    if choices:
        extra["choices"] = dict(choices)
    if empty:
        extra["empty"] = empty
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)


def choice_help(info: FieldInfo) -> dict[str, str]:
    """What each value of a ``Literal`` field means; empty where the field does not say."""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    choices: Any = extra.get("choices", {})
    return dict(choices)
