"""Folders that are there whole or not at all, whoever else is making them."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import MachineError
from workbench.core.progress import ProgressCallback, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SEAL = ".complete.json"


def is_complete(folder: Path) -> bool:
    """Check that every file that was sealed into ``folder`` is still there in its full size."""
    try:
        sizes: dict[str, int] = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def build_once(
    target: Path, build: Callable[[Path], None], report: ProgressCallback = silent
) -> Path:
    """Return ``target``, made by ``build`` unless it is already complete.

    ``build`` fills a folder beside the target, which is renamed when it is done; a second process
    waits for the first and takes what it made.

    Raises:
        MachineError: The folder cannot be written.
    """
    if is_complete(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target, report):
            if not is_complete(target):
                _build(target, build)
    except OSError as error:
        raise MachineError(f"{target}: cannot be written: {error.strerror or error}") from error
    return target


def _build(target: Path, build: Callable[[Path], None]) -> None:
    prefix = f".making-{target.name}-"
    for leftover in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as staging:
        folder = Path(staging) / target.name
        folder.mkdir()
        build(folder)
        _seal(folder)
        if target.exists():
            shutil.rmtree(target)
        folder.rename(target)


def _seal(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    (folder / _SEAL).write_text(json.dumps(sizes, indent=1), encoding="utf-8")


@contextmanager
def _alone(target: Path, report: ProgressCallback) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(target.with_name(f".{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report("waiting for another process that makes it", 0, 0)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
