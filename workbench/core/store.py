"""Cached folders that are built once, whole or not at all, by whichever process comes first."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import MachineError
from workbench.core.progress import ProgressCallback, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MANIFEST = ".complete.json"
"""Sizes of all files in a finished folder."""


def is_complete(folder: Path) -> bool:
    """Whether ``folder`` was finished, and all of its files still have their sizes."""
    try:
        sizes: dict[str, int] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def build_once(
    target: Path, build: Callable[[Path], None], report: ProgressCallback = silent
) -> Path:
    """Return ``target``, building it first unless it is complete.

    Args:
        target: The folder to return.
        build: Fills a temporary folder, which is then renamed to ``target``.
        report: Called if another process is building the same folder, which is waited for.

    Raises:
        MachineError: The folder is not writable.
    """
    if is_complete(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target, report):
            if not is_complete(target):
                _build(target, build)
    except OSError as error:
        raise MachineError(f"{target}: cannot be written: {error.strerror or error}") from error
    return target


def _build(target: Path, build: Callable[[Path], None]) -> None:
    prefix = f".building-{target.name}-"
    for leftover in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as staging:
        folder = Path(staging) / target.name
        folder.mkdir()
        build(folder)
        _write_manifest(folder)
        if target.exists():
            shutil.rmtree(target)
        folder.rename(target)


def _write_manifest(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    (folder / _MANIFEST).write_text(json.dumps(sizes, indent=1), encoding="utf-8")


@contextmanager
def _locked(target: Path, report: ProgressCallback) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(target.with_name(f".{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report("waiting for another process that is building it", 0, 0)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def prune(cache: Path, used: Path, keep: int) -> None:
    """Note that a cached folder is in use, and delete those that were not for longest.

    Args:
        cache: Holds nothing but folders of :func:`build_once`.
        used: The folder in use.
        keep: Folders to keep, at least 1.
    """
    with suppress(OSError):
        os.utime(used)
        folders = (path for path in cache.iterdir() if is_complete(path))
        for old in sorted(folders, key=lambda path: -path.stat().st_mtime)[keep:]:
            shutil.rmtree(old, ignore_errors=True)
