"""Pydantic's validation errors in a user's words: which field is wrong, why, and what to write."""

from __future__ import annotations

from difflib import SequenceMatcher
from types import UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_BOUNDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
_BOUND_ERRORS = {
    "greater_than": "gt",
    "greater_than_equal": "ge",
    "less_than": "lt",
    "less_than_equal": "le",
}
_WRONG_KEY = "[key]"
_SIMILAR = 0.6
"""Similarity, 0 to 1, from which on a name may be what a user meant."""


class Problem(NamedTuple):
    """One thing wrong with a recipe: the dotted path of the field, and what is wrong with it."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Translate pydantic's errors about ``model`` into problems, in the order of the fields."""
    return [_translate(details, model) for details in error.errors(include_url=False)]


def bounds_in_words(info: FieldInfo) -> str:
    """The bounds of a numeric field, such as ``at least 1, at most 4,096``; empty without any."""
    limits = {
        bound: limit
        for constraint in info.metadata
        for bound in _BOUNDS
        if (limit := getattr(constraint, bound, None)) is not None
    }
    return ", ".join(
        f"{word} {limits[bound]:,}" for bound, word in _BOUNDS.items() if bound in limits
    )


def unknown_field(
    path: str, model: type[BaseModel], sections: Iterable[type[BaseModel]] = ()
) -> str:
    """Say that ``path`` is not a field of ``model``, and which field was probably meant.

    Args:
        path: Dotted, as the user wrote it.
        model: The whole recipe, where a field of the same name may be in another section.
        sections: The models whose fields ``path`` could have named.
    """
    name = path.rpartition(".")[2]
    similar = _closest(name, sections)
    if similar:
        meant: str | None = f"{path.removesuffix(name)}{similar}"
    else:
        meant = next((key for key in _paths(model) if key.rpartition(".")[2] == name), None)
    return f"unknown field; did you mean {meant!r}?" if meant else "unknown field"


def _translate(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    path, sections = _resolve(details["loc"], model)
    context: dict[str, Any] = details.get("ctx", {})
    value = details.get("input")
    match details["type"]:
        case "extra_forbidden":
            message = unknown_field(path, model, sections)
        case kind if bound := _BOUND_ERRORS.get(kind):
            message = f"must be {_BOUNDS[bound]} {context[bound]:g}, got {value}"
        case "literal_error":
            message = f"must be one of {context['expected']}, got {value!r}"
        case "union_tag_invalid":
            message = f"kind must be one of {context['expected_tags']}, got {context['tag']!r}"
        case "union_tag_not_found":
            message = "needs a 'kind'"
        case "missing":
            message = "is required"
        case "value_error":
            message = str(context.get("error", details["msg"]))
        case "int_parsing" | "int_type" | "int_from_float":
            message = f"must be a whole number, got {value!r}"
        case "float_parsing" | "float_type":
            message = f"must be a number, got {value!r}"
        case "bool_parsing" | "bool_type":
            message = f"must be true or false, got {value!r}"
        case _:
            message = f"{details['msg'][:1].lower()}{details['msg'][1:]}, got {value!r}"
    return Problem(path, message)


def _closest(name: str, sections: Iterable[type[BaseModel]]) -> str | None:
    """The field whose name or title is most like ``name``."""
    scores = {
        field: _similarity(name, field, info.title or "")
        for section in sections
        for field, info in section.model_fields.items()
    }
    best = max(scores, key=lambda field: scores[field], default="")
    return best if scores.get(best, 0.0) >= _SIMILAR else None


def _similarity(name: str, field: str, title: str) -> float:
    """0 to 1 by letters; more where one name has all words, or the initials, of the other."""
    words, field_words = set(name.split("_")), field.split("_")
    has_words = words <= {*field_words} or words >= {*field_words}
    has_initials = name == "".join(word[:1] for word in field_words)
    return max(has_words, 2 * has_initials) + max(
        SequenceMatcher(None, name, field).ratio(),
        SequenceMatcher(None, name.replace("_", " "), title.lower()).ratio(),
    )


def _paths(model: type[BaseModel]) -> Iterator[str]:
    """The dotted path of every field below ``model``."""
    for name, info in model.model_fields.items():
        yield name
        for section in _sections(info.annotation):
            yield from (f"{name}.{path}" for path in _paths(section))


def _resolve(
    location: tuple[str | int, ...], model: type[BaseModel]
) -> tuple[str, list[type[BaseModel]]]:
    """The dotted path of a location, and the sections that its last step was looked for in.

    Pydantic puts the tag of a discriminated union into a location, and a mark behind the wrong key
    of a mapping; neither is part of the path.
    """
    names: list[str] = []
    sections: list[type[BaseModel]] = [model]
    parents = sections
    for step in location:
        fields = {name: info for section in sections for name, info in section.model_fields.items()}
        of_kind = [section for section in sections if _kind(section) == step]
        if of_kind and step not in fields:
            sections = of_kind
            continue
        if step == _WRONG_KEY:
            continue
        names.append(str(step))
        parents = sections
        sections = _sections(fields[str(step)].annotation) if step in fields else []
    return ".".join(names), parents


def _kind(section: type[BaseModel]) -> object:
    info = section.model_fields.get("kind")
    return info.default if info else None


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The models an annotation may hold, looking through unions."""
    if get_origin(annotation) in (Union, UnionType):
        return [section for arm in get_args(annotation) for section in _sections(arm)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return []
