"""Themes from TOML files: the shipped ones and the user's own, which may replace them."""

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
    """All theme files by name; the user's own take precedence over the shipped ones."""
    users = locations.home() / "themes"
    paths = [*sorted(locations.themes().glob("*.toml")), *sorted(users.glob("*.toml"))]
    return {path.stem: path for path in paths}


def read_themes(names: Iterable[str]) -> tuple[list[Theme], list[str]]:
    """Read the themes with these names.

    Returns:
        The themes, and one warning for each that does not exist or cannot be read.
    """
    files = theme_files()
    themes, warnings = [], []
    for name in names:
        try:
            themes.append(read_theme(files[name]))
        except KeyError:
            warnings.append(f"theme {name}: no such theme")
        except BadInputError as error:
            warnings.append(str(error))
    return themes, warnings


def read_theme(path: Path) -> Theme:
    """Read one theme; the file name is its name.

    Raises:
        BadInputError: The file is not TOML, or has an unknown field or an invalid colour.
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
        raise BadInputError(f"theme {path.name}: {name} is not a colour: {value!r}") from error


def _typed(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    variables = values.get("variables", {})
    if not isinstance(variables, dict):
        raise BadInputError(f"theme {path.name}: variables must be a mapping")
    return {**values, "variables": {str(key): str(value) for key, value in variables.items()}}
