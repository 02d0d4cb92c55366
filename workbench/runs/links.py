"""Links in a run folder: where ftwb reads or writes they could lead to any file of the user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.runs import checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workbench.runs.folder import RunFolder

_FOLDERS = frozenset({"base", "chats", "checkpoints", "control", "model", "rejected", "tuned"})
_FILES = frozenset(
    {
        "benchmarks.json",
        "benchmarks.log",
        "chat.log",
        "dtypes.json",
        "events.jsonl",
        "origin.json",
        "recipe.yaml",
        "report.json",
        "slurm.sh",
        "status.json",
        "strength.json",
        "sweep",
        "template.json",
        "tokens.json",
        "worker.log",
        "worker.log.1",
    }
)


def require_no_links(run: RunFolder) -> None:
    """Refuse a run folder in which a link stands where ftwb reads or writes.

    Raises:
        BadInputError: Naming the link, or that the folder cannot be read.
    """
    if link := first_link(run):
        target = (run.path / link).readlink()
        raise BadInputError(
            f"{run.id}: {link} is a link to {target}, and a run may hold none, because it could "
            "lead to any file of yours; put a copy of what it points at in its place, or remove it"
        )


def first_link(run: RunFolder) -> str:
    """The path, inside the run, of a link where ftwb reads or writes; empty where there is none.

    What the user has put beside the files of ftwb does not matter.

    Raises:
        BadInputError: The folder cannot be read.
    """
    try:
        link = next(_links(run.path, _is_ours), None)
    except OSError as error:
        raise BadInputError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return str(link.relative_to(run.path)) if link else ""


def _links(folder: Path, matters: Callable[[str], bool]) -> Iterator[Path]:
    with os.scandir(folder) as found:
        entries = sorted((entry for entry in found if matters(entry.name)), key=lambda e: e.name)
    for entry in entries:
        if entry.is_symlink():
            yield Path(entry.path)
        elif entry.is_dir(follow_symlinks=False):
            inside = checkpoints.is_ours if entry.name == "checkpoints" else _always
            yield from _links(Path(entry.path), inside)


def _is_ours(name: str) -> bool:
    return name.startswith(".") or name in _FOLDERS or name in _FILES


def _always(_name: str) -> bool:
    return True
