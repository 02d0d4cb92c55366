"""The user's choices that the workbench remembers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from workbench.core import files, locations
from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_THEME = "harbour"


@dataclass(frozen=True)
class Settings:
    """What the user has chosen.

    Attributes:
        theme: Name of a file in ``themes/`` or in the user's own themes folder.
    """

    theme: str = DEFAULT_THEME

    @classmethod
    def read(cls) -> Settings:
        """Read the settings, or return the defaults if there is no file.

        Raises:
            BadInputError: The file is not a JSON object of known text fields.
        """
        path = settings_file()
        if not path.is_file():
            return cls()
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInputError(f"{path}: cannot be read: {error}") from error
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not all(
            key in names and isinstance(value, str) for key, value in values.items()
        ):
            raise BadInputError(f"{path}: must be an object with the text fields {sorted(names)}")
        return cls(**values)

    def save(self) -> None:
        """Replace the file atomically.

        Raises:
            MachineError: The disk is full or the folder is not writable.
        """
        path = settings_file()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write_atomic(path, json.dumps(asdict(self), indent=1))


def settings_file() -> Path:
    """The path of the settings."""
    return locations.home() / "settings.json"
