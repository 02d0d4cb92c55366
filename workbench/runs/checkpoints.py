"""Checkpoints on disk: sealed by the checksums of their files, so that half of one is never used.

A checkpoint is made in a neighbouring folder, synced and renamed; what a power cut leaves behind is
that folder, which nobody takes for a checkpoint.
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
_DRAFT = ".step-"


class Choice(NamedTuple):
    """The checkpoint to go on from.

    Attributes:
        step: How far training was.
        folder: Where it is.
        broken: What is wrong with each newer one, one line each.
    """

    step: int
    folder: Path
    broken: tuple[str, ...] = ()


def folder_of(run: RunFolder, step: int) -> Path:
    """Where the checkpoint of a step is, or would be."""
    return run.checkpoints / f"step-{step}"


def steps(run: RunFolder) -> list[int]:
    """The steps of the checkpoints that are there, the newest first; not all need be whole."""
    names = (path.name.removeprefix("step-") for path in run.checkpoints.glob("step-*"))
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)


def resumable_from(run: RunFolder, status: Status) -> int:
    """The step of the newest checkpoint of a run that ended before its time; 0 where there is none.

    Its files are not looked into: resuming does that, and takes an older one where it is broken.
    """
    return max(steps(run), default=0) if status.resumable else 0


@contextmanager
def draft(run: RunFolder, step: int) -> Iterator[Path]:
    """Give an empty folder to fill; it becomes the step's checkpoint when all went well.

    Raises:
        OSError: The disk is full or cannot be written; what was there before is as it was.
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
    """What is wrong with a checkpoint; empty when every file is as it was sealed.

    Reads all of it.
    """
    try:
        sealed: dict[str, str] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        for name, digest in sealed.items():
            if _digest(folder / name) != digest:
                return f"{name} is not as it was written"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, AttributeError):
        return f"{_MANIFEST} cannot be read"
    return ""


def choose(run: RunFolder, step: int | None = None) -> Choice:
    """The newest whole checkpoint, or that of ``step``.

    Raises:
        NotFoundError: There is none, or none of that step.
        BadInputError: That of ``step`` is broken, or all are.
    """
    there = steps(run)
    if step is not None and step not in there:
        names = f"there are {', '.join(map(str, there))}" if there else "it has none"
        raise NotFoundError(f"{run.id} has no checkpoint of step {step}; {names}")
    broken: list[str] = []
    for candidate in there if step is None else [step]:
        wrong = fault(folder_of(run, candidate))
        if not wrong:
            return Choice(candidate, folder_of(run, candidate), tuple(broken))
        broken.append(f"the checkpoint of step {candidate} is broken: {wrong}")
    if not broken:
        raise NotFoundError(f"{run.id} has no checkpoint to go on from{_instead(run)}")
    whole = [str(other) for other in there if other != step and not fault(folder_of(run, other))]
    hint = f"; whole are {', '.join(whole)}" if whole else "; no other is whole"
    raise BadInputError(f"{run.id}: {'; '.join(broken)}{hint}")


def _instead(run: RunFolder) -> str:
    """What can be done with a run that has no checkpoint."""
    if run.has_result():
        return f", but its result is saved: 'ftwb evaluate {run.id}' measures it"
    return f": 'ftwb train {run.recipe_file}' starts anew"


def keep(run: RunFolder, newest: int, others: Collection[int]) -> None:
    """Remove all but the ``newest`` ones and those of the steps in ``others``."""
    for step in steps(run)[newest:]:
        if step not in others:
            _remove(folder_of(run, step))


def remove_after(run: RunFolder, step: int) -> None:
    """Remove the checkpoints of later steps: they are made anew."""
    for later in steps(run):
        if later > step:
            _remove(folder_of(run, later))


def _remove(folder: Path) -> None:
    """Remove a checkpoint so that half of it is at no time taken for one."""
    files.remove_folder(folder)


def _remove_drafts(run: RunFolder) -> None:
    for leftover in run.checkpoints.glob(f"{_DRAFT}*"):
        shutil.rmtree(leftover)


def _seal(folder: Path) -> None:
    """Push every file to the disk and write down its checksum."""
    contents = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in contents:
        files.sync(path)
    sealed = {path.relative_to(folder).as_posix(): _digest(path) for path in contents}
    files.write_atomic(folder / _MANIFEST, json.dumps(sealed, indent=1))
    files.sync(folder)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
