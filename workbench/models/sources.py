"""What a model id refers to: the demo model, a GGUF file, a folder, or a model of the hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from workbench.core.errors import BadInputError, NotFoundError

DEMO = "demo"

SourceKind = Literal["demo", "gguf", "folder", "hub"]

_HUB_ID = re.compile(r"^[\w-][\w.-]*(/[\w-][\w.-]*)?$", re.ASCII)


def source_kind(model_id: str) -> SourceKind:
    """What ``model_id`` refers to; an existing path takes precedence over a hub id.

    Raises:
        NotFoundError: It is a path that does not exist.
        BadInputError: It is a file other than a GGUF file.
    """
    if model_id == DEMO:
        return "demo"
    path = local_path(model_id)
    if path.is_dir():
        return "folder"
    if path.is_file():
        if path.suffix.lower() == ".gguf":
            return "gguf"
        raise BadInputError(f"{model_id}: not a model; give its folder, or a .gguf file")
    if path.suffix.lower() == ".gguf" or not _HUB_ID.match(model_id):
        raise NotFoundError(
            f"{model_id}: no such file or folder; 'ftwb models' lists the models on this machine"
        )
    return "hub"


def local_path(model_id: str) -> Path:
    """A model id as a local path."""
    return Path(model_id).expanduser()
