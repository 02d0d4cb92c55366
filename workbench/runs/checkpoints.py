"""Checkpoints on disk: sealed with the checksums of their files, so that half of one is never used.

A checkpoint is written in a folder beside its final one, synced and renamed. What a power cut
leaves behind is that other folder, which is never mistaken for a checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.core import files
from workbench.core.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

_MANIFEST = "manifest.json"
_NAME = "step-"
_DRAFT = ".step-"


class CheckpointChoice(NamedTuple):
    """The checkpoint to resume from.

    Attributes:
        step: Steps taken before it was written.
        folder: Where it is.
        broken: What is wrong with each newer one, one line each.
    """

    step: int
    folder: Path
    broken: tuple[str, ...] = ()


def folder_of(run: RunFolder, step: int) -> Path:
    """The folder of the checkpoint of a step, whether or not it exists."""
    return run.checkpoints / f"{_NAME}{step}"


def steps(run: RunFolder) -> list[int]:
    """The steps that have a checkpoint, newest first; not all of them need be intact."""
    names = (path.name.removeprefix(_NAME) for path in run.checkpoints.glob(f"{_NAME}*"))
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)


def resumable_from(run: RunFolder, status: Status) -> int:
    """The step of the newest checkpoint of a run that ended early; 0 if there is none.

    Its files are not read: resuming does that, and falls back to an older one if it is broken.
    """
    return max(steps(run), default=0) if status.resumable else 0


@contextmanager
def draft(run: RunFolder, step: int) -> Iterator[Path]:
    """Yield an empty folder to fill; it becomes the checkpoint of the step unless an error occurs.

    Raises:
        OSError: The disk is full or cannot be written; an older checkpoint of the step is kept.
    """
    target = folder_of(run, step)
    folder = target.with_name(f"{_DRAFT}{step}.new")
    _remove_drafts(run)
    folder.mkdir(parents=True)
    try:
        yield folder
        _seal(folder)
        files.replace_folder(folder, target)
    finally:
        _remove_drafts(run)


def fault(folder: Path) -> str:
    """What is wrong with a checkpoint; empty if every file has the checksum it was sealed with.

    Reads all files.
    """
    try:
        checksums: dict[str, str] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        for name, checksum in checksums.items():
            if _checksum(folder / name) != checksum:
                return f"{name} was changed after it was written"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, AttributeError):
        return f"{_MANIFEST} cannot be read"
    return ""


def choose(run: RunFolder, step: int | None = None) -> CheckpointChoice:
    """Choose the newest intact checkpoint, or that of ``step``.

    Raises:
        NotFoundError: There is none, or none of that step.
        BadInputError: That of ``step`` is broken, or all of them are.
    """
    existing = steps(run)
    if step is not None and step not in existing:
        listed = f"there are {', '.join(map(str, existing))}" if existing else "it has none"
        raise NotFoundError(f"{run.id} has no checkpoint of step {step}; {listed}")
    broken: list[str] = []
    for candidate in existing if step is None else [step]:
        wrong = fault(folder_of(run, candidate))
        if not wrong:
            return CheckpointChoice(candidate, folder_of(run, candidate), tuple(broken))
        broken.append(f"the checkpoint of step {candidate} is broken: {wrong}")
    if not broken:
        raise NotFoundError(f"{run.id} has no checkpoint to resume from{_advice(run)}")
    intact = [
        str(other) for other in existing if other != step and not fault(folder_of(run, other))
    ]
    hint = f"; intact: {', '.join(intact)}" if intact else "; no other is intact"
    raise BadInputError(f"{run.id}: {'; '.join(broken)}{hint}")


def _advice(run: RunFolder) -> str:
    """What can be done with a run that has no checkpoint."""
    if run.has_result():
        return f", but its result is saved: 'ftwb evaluate {run.id}' measures it"
    return f": 'ftwb train {run.recipe_file}' starts over"


def prune(run: RunFolder, newest: int, others: Collection[int]) -> None:
    """Remove all checkpoints but the ``newest`` ones and those of the steps in ``others``."""
    for step in steps(run)[newest:]:
        if step not in others:
            files.remove_folder(folder_of(run, step))


def remove_after(run: RunFolder, step: int) -> None:
    """Remove the checkpoints of later steps, which will be written again."""
    for later in steps(run):
        if later > step:
            files.remove_folder(folder_of(run, later))


def _remove_drafts(run: RunFolder) -> None:
    for leftover in run.checkpoints.glob(f"{_DRAFT}*"):
        shutil.rmtree(leftover)


def _seal(folder: Path) -> None:
    """Sync every file to disk and write the manifest of their checksums."""
    contents = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in contents:
        files.sync(path)
    checksums = {path.relative_to(folder).as_posix(): _checksum(path) for path in contents}
    files.write_atomic(folder / _MANIFEST, json.dumps(checksums, indent=1))
    files.sync(folder)


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
