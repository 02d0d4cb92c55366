"""The base models on this machine."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.models import smollm2
from workbench.models.demo import demo_folder
from workbench.models.headers import INDEX, SINGLE
from workbench.models.sources import DEMO, SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub import CachedRepoInfo

_MAX_DEPTH = 3
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "checkpoints"})
_TEXT_MODELS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Endings of the names of architectures that generate text."""


@dataclass(frozen=True)
class ModelEntry:
    """A base model to choose.

    Attributes:
        id: The value for ``model.id`` in a recipe.
        kind: Where it is from.
        title: Its name.
        bytes_on_disk: Its size; 0 for a demo model that is not downloaded.
        ready: Whether it can be loaded without being downloaded or converted first.
    """

    id: str
    kind: SourceKind
    title: str
    bytes_on_disk: int
    ready: bool


def list_models() -> list[ModelEntry]:
    """List the demo model, those in the hub cache, and those below :func:`search_roots`."""
    return [_demo(), *sorted(_cached(), key=_id), *sorted(_local(), key=_id)]


def search_roots() -> list[Path]:
    """The folders to search for models: the current one and those in ``$FTWB_MODELS``."""
    named = os.environ.get("FTWB_MODELS", "").split(os.pathsep)
    roots = [Path.cwd(), *(Path(name).expanduser() for name in named if name)]
    return list(dict.fromkeys(root for root in roots if root.is_dir()))


def _id(entry: ModelEntry) -> str:
    return entry.id


def _demo() -> ModelEntry:
    folder = demo_folder()
    size = _weights_bytes(folder) if folder else 0
    return ModelEntry(DEMO, "demo", smollm2.NAME, size, ready=folder is not None)


def _cached() -> Iterator[ModelEntry]:
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return
    for repo in repos:
        if repo.repo_type == "model" and any(_is_model(folder) for folder in _snapshots(repo)):
            title = repo.repo_id.rpartition("/")[2]
            yield ModelEntry(repo.repo_id, "hub", title, repo.size_on_disk, ready=True)


def _snapshots(repo: CachedRepoInfo) -> list[Path]:
    return [revision.snapshot_path for revision in repo.revisions]


def _local() -> Iterator[ModelEntry]:
    seen: set[Path] = set()
    for root in search_roots():
        for path in _walk(root, _MAX_DEPTH):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield _entry(path)


def _entry(path: Path) -> ModelEntry:
    shown = locations.shorten(path)
    if path.is_file():
        return ModelEntry(shown, "gguf", path.stem, path.stat().st_size, ready=False)
    return ModelEntry(shown, "folder", path.name, _weights_bytes(path), ready=True)


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Model folders and GGUF files at most ``depth`` folders below; nothing inside a model."""
    if _is_model(folder):
        yield folder
        return
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return
    for child in children:
        if child.suffix.lower() == ".gguf" and child.is_file():
            yield child
        elif depth and _is_searched(child):
            yield from _walk(child, depth - 1)


def _is_searched(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.name in _SKIPPED
    return not hidden and path.is_dir() and not path.is_symlink()


def _is_model(folder: Path) -> bool:
    """Whether a folder has safetensors and the config of a model that generates text."""
    if not (folder / SINGLE).is_file() and not (folder / INDEX).is_file():
        return False
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return any(str(name).endswith(_TEXT_MODELS) for name in config["architectures"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _weights_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))
