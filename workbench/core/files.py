"""Writing files so that no reader is misled by half of one, whatever a power cut left."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def replace(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one atomic step, for the owner's eyes only.

    Raises:
        MachineError: The disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open_private(temporary) as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise MachineError(f"{path}: cannot be written: {error.strerror}") from error


def open_private(path: Path) -> TextIO:
    """Open a file for writing that nobody but its owner can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")


def append(path: Path, line: str) -> None:
    """Write ``line`` at the end of ``path`` in one go, and end a line that was left torn there.

    File and folder are made where they are missing, for the owner's eyes only.

    Raises:
        MachineError: The disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            write_whole(file, ("\n" * torn + line + "\n").encode())
        finally:
            os.close(file)
    except OSError as error:
        raise MachineError(f"{path}: cannot be written: {error.strerror}") from error


def claim(folder: Path, stem: str, suffix: str) -> Path:
    """Make an empty file that was not there, numbered where the name is taken.

    File and folder are for the owner's eyes only.

    Raises:
        MachineError: The disk is full or the folder cannot be written.
    """
    number = 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError as error:
            if not folder.is_dir():
                raise MachineError(f"{folder}: is no folder") from error
            number += 1
        except OSError as error:
            raise MachineError(f"{path}: cannot be written: {error.strerror}") from error
        else:
            return path


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that is only ever replaced a second name; a copy where the disk knows no links.

    Raises:
        OSError: The disk is full or cannot be written.
    """
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def sync(path: Path) -> None:
    """Push a file, or the names in a folder, to the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def settle(draft: Path, folder: Path) -> None:
    """Give a whole folder the place and name of ``folder``: at no time is half of one there.

    Raises:
        OSError: The disk cannot be written.
    """
    if folder.exists():
        retire(folder)
    draft.rename(folder)
    sync(folder.parent)


def retire(folder: Path) -> Path:
    """Take a folder away in one step, and return where it is from now on, to be removed."""
    retired = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(retired, ignore_errors=True)
    return folder.rename(retired)


def lines(path: Path) -> Iterator[bytes]:
    """The lines of ``path``, none where there is no such file."""
    if path.exists():
        yield from path.read_bytes().splitlines()


def is_full(error: BaseException | None) -> bool:
    """Whether a disk, or what a user may have of it, is full: by the error or what caused it.

    Libraries in Rust tell the number in words only.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(f"os error {number})" in str(error) for number in _FULL):
            return True
        error = error.__cause__
    return False


def write_whole(file: int, data: bytes) -> None:
    """Write all of ``data`` at the end of a file, or take away what a full disk let through of it.

    Raises:
        OSError: The disk is full or cannot be written; the file is as it was.
    """
    written = os.write(file, data)
    if written < len(data):
        os.ftruncate(file, os.fstat(file).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
