"""Checkpoints on disk: sealed with the checksums of their files, so that half of one is never used.

A checkpoint is written in a folder beside its final one, synced and renamed. What a power cut
leaves behind is that other folder, which is never mistaken for a checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.core import files
from workbench.core.contained import ContainedFolder
from workbench.core.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

_MANIFEST = "manifest.json"
_NAME = re.compile(r"step-([1-9][0-9]{0,15})")
_LEFTOVER = re.compile(r"\.step-[0-9]+\.(new|old)")
_BEST = frozenset({"best.safetensors", "best.new"})


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
    return run.checkpoints / f"step-{step}"


def step_of(name: str) -> int | None:
    """The step of the checkpoint of that name; None for every name that is not exactly one.

    A copy that the user made (``step-50.bak``), or a foreign file, is none of ours.
    """
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def is_ours(name: str) -> bool:
    """Whether ftwb wrote what has this name in the folder of checkpoints."""
    return step_of(name) is not None or name in _BEST or _is_leftover(name)


def steps(run: RunFolder) -> list[int]:
    """The steps that have a checkpoint, newest first; not all of them need be intact."""
    try:
        names = run.files.names(run.checkpoints)
    except OSError:
        return []
    found = {step for name in names if (step := step_of(name)) is not None}
    folders = [step for step in found if run.files.is_folder(folder_of(run, step))]
    return sorted(folders, reverse=True)


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
    folder = target.with_name(f".step-{step}.new")
    _remove_leftovers(run)
    run.files.make_folder(run.checkpoints)
    folder.mkdir()
    try:
        yield folder
        _seal(folder)
        files.replace_folder(folder, target)
    finally:
        _remove_leftovers(run)


def fault(folder: Path) -> str:
    """What is wrong with a checkpoint; empty if every file has the checksum it was sealed with.

    Reads all files.
    """
    contents = ContainedFolder(folder)
    try:
        checksums: dict[str, str] = json.loads(contents.read_bytes(folder / _MANIFEST))
        for name, checksum in checksums.items():
            if _checksum(contents, folder / name) != checksum:
                return f"{name} was changed after it was written"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
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


def prune(run: RunFolder, newest: int, others: Collection[int]) -> tuple[str, ...]:
    """Remove all checkpoints but the ``newest`` ones and those of the steps in ``others``.

    Returns:
        Why some of them could not be removed, one line each: training does not depend on that.
    """
    return _remove(run, [step for step in steps(run)[newest:] if step not in others])


def remove_after(run: RunFolder, step: int) -> tuple[str, ...]:
    """Remove the checkpoints of later steps, which will be written again.

    Returns:
        Why some of them could not be removed, one line each.
    """
    return _remove(run, [later for later in steps(run) if later > step])


def _remove(run: RunFolder, surplus: Sequence[int]) -> tuple[str, ...]:
    faults = []
    for step in surplus:
        try:
            files.remove_folder(folder_of(run, step))
        except OSError as error:
            why = error.strerror or str(error)
            faults.append(f"the old checkpoint of step {step} cannot be removed: {why}")
    return tuple(faults)


def _remove_leftovers(run: RunFolder) -> None:
    """Remove what a killed worker left behind; what cannot be removed does not matter."""
    with suppress(OSError):
        for name in filter(_is_leftover, run.files.names(run.checkpoints)):
            shutil.rmtree(run.checkpoints / name, ignore_errors=True)


def _is_leftover(name: str) -> bool:
    return _LEFTOVER.fullmatch(name) is not None


def _seal(folder: Path) -> None:
    """Sync every file to disk and write the manifest of their checksums."""
    contents = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in contents:
        files.sync(path)
    contained = ContainedFolder(folder)
    checksums = {
        path.relative_to(folder).as_posix(): _checksum(contained, path) for path in contents
    }
    contained.write_atomic(folder / _MANIFEST, json.dumps(checksums, indent=1))
    files.sync(folder)


def _checksum(folder: ContainedFolder, path: Path) -> str:
    with folder.stream(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
