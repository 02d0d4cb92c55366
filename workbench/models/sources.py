"""Telling what a model id stands for: the demo model, a GGUF file, a folder, or a hub id."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from workbench.core.errors import BadInputError, NotFoundError

DEMO = "demo"

Kind = Literal["demo", "gguf", "folder", "hub"]

_HUB_ID = re.compile(r"^[\w-][\w.-]*(/[\w-][\w.-]*)?$", re.ASCII)


def kind_of(model_id: str) -> Kind:
    """Say what ``model_id`` is; a path that exists wins over a hub id of the same spelling.

    Raises:
        NotFoundError: It is written as a path, and nothing is there.
        BadInputError: It is a file, but no GGUF file.
    """
    if model_id == DEMO:
        return "demo"
    path = path_of(model_id)
    if path.is_dir():
        return "folder"
    if path.is_file():
        if path.suffix.lower() == ".gguf":
            return "gguf"
        raise BadInputError(f"{model_id}: not a model; give its folder, or a .gguf file")
    if path.suffix.lower() == ".gguf" or not _HUB_ID.match(model_id):
        raise NotFoundError(
            f"{model_id}: no such file or folder; 'ftwb models' lists the models that are here"
        )
    return "hub"


def path_of(model_id: str) -> Path:
    """The local path that ``model_id`` spells."""
    return Path(model_id).expanduser()
