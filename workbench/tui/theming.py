"""Themes from TOML files: the shipped ones, then the user's own, which may replace them."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

from workbench.core import locations
from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FIELDS = {field.name for field in fields(Theme)} - {"name"}
_COLOURS = (
    "primary",
    "secondary",
    "warning",
    "error",
    "success",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
)


def theme_files() -> dict[str, Path]:
    """Every theme file by name: the shipped ones, then the user's own, which win."""
    own = locations.home() / "themes"
    paths = [*sorted(locations.themes().glob("*.toml")), *sorted(own.glob("*.toml"))]
    return {path.stem: path for path in paths}


def read_themes(names: Iterable[str]) -> tuple[list[Theme], list[str]]:
    """Read the themes called ``names``.

    Returns:
        The themes, and one line for each name or file that is none.
    """
    files = theme_files()
    themes, complaints = [], []
    for name in names:
        try:
            themes.append(read_theme(files[name]))
        except KeyError:
            complaints.append(f"there is no theme called {name}")
        except BadInputError as error:
            complaints.append(str(error))
    return themes, complaints


def read_theme(path: Path) -> Theme:
    """Read one theme; its name is the name of the file.

    Raises:
        BadInputError: Not TOML, an unknown field, or something that is no colour.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"theme {path.name}: cannot be read") from error
    if "primary" not in values:
        raise BadInputError(f"theme {path.name}: 'primary' is missing")
    if unknown := sorted(set(values) - _FIELDS):
        raise BadInputError(f"theme {path.name}: no such field: {unknown[0]}")
    for name in _COLOURS:
        _check_colour(path, name, values.get(name))
    return Theme(name=path.stem, **_typed(path, values))


def _check_colour(path: Path, name: str, value: Any) -> None:
    if value is None:
        return
    try:
        Color.parse(str(value))
    except ColorParseError as error:
        raise BadInputError(f"theme {path.name}: {name} is no colour: {value!r}") from error


def _typed(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    variables = values.get("variables", {})
    if not isinstance(variables, dict):
        raise BadInputError(f"theme {path.name}: variables must be a mapping")
    return {**values, "variables": {str(key): str(value) for key, value in variables.items()}}
