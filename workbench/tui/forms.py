"""Describes the form of a recipe, so that a new field or strategy appears in it by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from workbench.core.formatting import number
from workbench.recipe.base import Section, choice_help
from workbench.recipe.registry import Card, Part
from workbench.recipe.validation_errors import bounds_in_words
from workbench.retention.base import Protection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic.fields import FieldInfo

Kind = Literal["text", "number", "names", "lines", "switch", "choice"]
Values = dict[str, Any]

_BETWEEN_NAMES = re.compile(r",(?![^{]*\})")
"""A comma, except within the braces of a pattern such as ``re:x{1,2}``."""


@dataclass(frozen=True)
class FormField:
    """One field of the recipe as a form sees it.

    Attributes:
        path: Dotted path in the recipe.
        kind: The control: ``names`` is a comma-separated tuple, ``lines`` one entry a line.
        choices: What may be chosen, or words that ``names`` takes as they are.
        choice_help: What each choice means.
        optional: An empty control means None.
        empty: What that means, in a word or two.
        bounds: What its value may be, in words.
    """

    path: str
    title: str
    help: str
    kind: Kind
    default: Any
    unit: str = ""
    advanced: bool = False
    choices: tuple[str, ...] = ()
    choice_help: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False
    empty: str = "none"
    bounds: str = ""

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path.rpartition(".")[2]

    def option(self, choice: str) -> str:
        """A choice and what it means, for a list of choices."""
        meaning = self.choice_help.get(choice)
        return f"{choice}: {meaning}" if meaning else choice

    def to_text(self, value: Any) -> str:
        """The text of the control for a value of the recipe."""
        if value is None:
            return ""
        if isinstance(value, dict):
            return ", ".join(f"{key}={inner}" for key, inner in value.items())
        if isinstance(value, (tuple, list)):
            return ("\n" if self.kind == "lines" else ", ").join(map(str, value))
        exact = isinstance(value, float) and float(number(value)) == value
        return number(value) if exact else str(value)

    def to_value(self, text: str) -> Any:
        """The value for the recipe from the text of the control; pydantic parses it."""
        if self.optional and not text.strip():
            return None
        if self.kind == "lines":
            return [line.strip() for line in text.splitlines() if line.strip()]
        if self.kind == "names" and text.strip() not in self.choices:
            return [word.strip() for word in _BETWEEN_NAMES.split(text) if word.strip()]
        return text if self.path.startswith("description") else text.strip()


@dataclass(frozen=True)
class FormPart:
    """A part with a card: an alternative, or a part to switch on or off."""

    kind: str
    card: Card
    fields: tuple[FormField, ...]


@dataclass(frozen=True)
class FormGroup:
    """A titled group: fields, the alternatives of a part, or parts to switch on or off.

    Attributes:
        key: The section's name in the recipe, empty for the recipe's own fields.
        parts: Alternatives by kind; empty for a plain section.
        default: The kind selected at first.
        switches: Parts that may each be on or off, by kind.
    """

    key: str
    title: str
    fields: tuple[FormField, ...] = ()
    parts: Mapping[str, FormPart] = field(default_factory=dict)
    default: str = ""
    switches: Mapping[str, FormPart] = field(default_factory=dict)

    def every_field(self) -> Iterable[FormField]:
        """All fields, including those of every alternative."""
        yield from self.fields
        for part in (*self.parts.values(), *self.switches.values()):
            yield from part.fields


def groups_of(recipe: type[Section]) -> list[FormGroup]:
    """Describe the form of ``recipe``: one group per section, and one for its own fields."""
    own, groups = [], []
    for name, info in recipe.model_fields.items():
        arms = _arms(info.annotation)
        sections = [arm for arm in arms if isinstance(arm, type) and issubclass(arm, Section)]
        if not sections:
            own.append(describe(name, info))
        elif issubclass(sections[0], Part):
            groups.append(_choice(name, info, [arm for arm in sections if issubclass(arm, Part)]))
        else:
            groups.append(_group(name, info, sections[0]))
    return [*groups, FormGroup("", "Run", tuple(own))]


def describe(path: str, info: FieldInfo) -> FormField:
    """Describe one field from its annotation, title, description, unit and bounds."""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    arms = _arms(info.annotation)
    kind, choices = _control(arms)
    return FormField(
        path=path,
        title=info.title or path,
        help=info.description or "",
        kind=kind,
        default=info.get_default(call_default_factory=True, validated_data={}),
        unit=str(extra.get("unit", "")),
        advanced=bool(extra.get("advanced", False)),
        choices=choices,
        choice_help=choice_help(info),
        optional=NoneType in arms,
        empty=str(extra.get("empty", "none")),
        bounds=bounds_in_words(info),
    )


def nested(values: Mapping[str, Any]) -> Values:
    """Turn dotted paths into a mapping of mappings."""
    result: Values = {}
    for path, value in values.items():
        *sections, name = path.split(".")
        inner = result
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = value
    return result


def value_at(values: Mapping[str, Any], path: str, default: Any) -> Any:
    """The value at a dotted path, or ``default`` where there is none."""
    section, _, rest = path.partition(".")
    if section not in values:
        return default
    inner = values[section]
    if not rest:
        return inner
    return value_at(inner, rest, default) if isinstance(inner, dict) else default


def flat(values: Mapping[str, Any], prefix: str = "") -> Values:
    """Turn a mapping of mappings into dotted paths."""
    result: Values = {}
    for name, value in values.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = value
    return result


def _group(name: str, info: FieldInfo, section: type[Section]) -> FormGroup:
    protections = [
        arm
        for inner in section.model_fields.values()
        for arm in _arms(inner.annotation)
        if isinstance(arm, type) and issubclass(arm, Protection)
    ]
    if not protections:
        return FormGroup(name, info.title or name, _fields(section, f"{name}."))
    switches = {
        arm.kind: FormPart(arm.kind, arm.card, _fields(arm, f"{name}.{arm.kind}."))
        for arm in protections
    }
    return FormGroup(name, info.title or name, switches=switches)


def _choice(name: str, info: FieldInfo, arms: list[type[Part]]) -> FormGroup:
    parts = {
        str(arm.model_fields["kind"].default): FormPart(
            str(arm.model_fields["kind"].default), arm.card, _fields(arm, f"{name}.", skip="kind")
        )
        for arm in arms
    }
    default = info.get_default(call_default_factory=True, validated_data={})
    return FormGroup(name, info.title or name, parts=parts, default=str(default.kind))


def _fields(section: type[Section], prefix: str, skip: str = "") -> tuple[FormField, ...]:
    """The fields of a section, and those of sections inside it."""
    fields: list[FormField] = []
    for name, info in section.model_fields.items():
        inner = [
            arm
            for arm in _arms(info.annotation)
            if isinstance(arm, type) and issubclass(arm, Section)
        ]
        if inner:
            fields += _fields(inner[0], f"{prefix}{name}.")
        elif name != skip:
            fields.append(describe(f"{prefix}{name}", info))
    return tuple(fields)


def _arms(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return [inner for arm in get_args(annotation) for inner in _arms(arm)]
    return [annotation]


def _control(arms: list[Any]) -> tuple[Kind, tuple[str, ...]]:
    words = tuple(str(word) for arm in arms if get_origin(arm) is Literal for word in get_args(arm))
    if any(get_origin(arm) is tuple for arm in arms):
        return ("names" if words else "lines"), words
    if words:
        return "choice", words
    if bool in arms:
        return "switch", ()
    return ("number" if int in arms or float in arms else "text"), ()
