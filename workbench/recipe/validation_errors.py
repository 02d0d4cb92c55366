"""Validation errors in a user's words: which field, what is wrong, what to write instead."""

from __future__ import annotations

from difflib import get_close_matches
from types import UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class Problem(NamedTuple):
    """One thing wrong with a recipe: the dotted path of the field and a sentence."""

    path: str
    message: str

    def __str__(self) -> str:
        """Give the one line the CLI prints."""
        return f"{self.path}: {self.message}" if self.path else self.message


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Translate pydantic's errors about ``model`` into problems, in the order of the fields."""
    return [_translate(details, model) for details in error.errors(include_url=False)]


def known_keys(model: type[BaseModel]) -> list[str]:
    """Every dotted key below ``model``, for suggestions."""
    keys = []
    for name, info in model.model_fields.items():
        keys.append(name)
        for section in _sections(info.annotation):
            keys += [f"{name}.{key}" for key in known_keys(section)]
    return sorted(set(keys))


def unknown_key(path: str, model: type[BaseModel]) -> str:
    """Say that ``path`` is no field, naming the nearest that is."""
    known = known_keys(model)
    near = get_close_matches(path, known, n=1, cutoff=0.5) or get_close_matches(
        path.rpartition(".")[2], [key.rpartition(".")[2] for key in known], n=1, cutoff=0.6
    )
    return f"no such field; did you mean {near[0]!r}?" if near else "no such field"


def _translate(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    path = _dotted(details["loc"], model)
    context: dict[str, Any] = details.get("ctx", {})
    given = details.get("input")
    match details["type"]:
        case "extra_forbidden":
            message = unknown_key(path, model)
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal" as kind:
            word = {
                "greater_than": ("more than", "gt"),
                "greater_than_equal": ("at least", "ge"),
                "less_than": ("less than", "lt"),
                "less_than_equal": ("at most", "le"),
            }[kind]
            message = f"must be {word[0]} {context[word[1]]:g}, got {given}"
        case "literal_error":
            message = f"must be one of {context['expected']}, got {given!r}"
        case "union_tag_invalid":
            message = f"kind must be one of {context['expected_tags']}, got {context['tag']!r}"
        case "union_tag_not_found":
            message = "needs a 'kind'"
        case "missing":
            message = "is required"
        case "value_error":
            message = str(context.get("error", details["msg"]))
        case "int_parsing" | "int_type" | "int_from_float":
            message = f"must be a whole number, got {given!r}"
        case "float_parsing" | "float_type":
            message = f"must be a number, got {given!r}"
        case "bool_parsing" | "bool_type":
            message = f"must be true or false, got {given!r}"
        case _:
            message = f"{details['msg'][:1].lower()}{details['msg'][1:]}, got {given!r}"
    return Problem(path, message)


def _dotted(location: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """Join the location, leaving out the union tags that pydantic puts into it."""
    words: list[str] = []
    sections: list[type[BaseModel]] = [model]
    for step in location:
        fields = {name: info for section in sections for name, info in section.model_fields.items()}
        if step in fields:
            words.append(str(step))
            sections = _sections(fields[str(step)].annotation)
        elif any(_kind(section) == step for section in sections):
            sections = [section for section in sections if _kind(section) == step]
        else:
            words.append(str(step))
    return ".".join(words)


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
