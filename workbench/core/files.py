"""Reading and writing files so that a crash or a power cut never leaves half of one behind."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TextIO

from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path


_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_atomic(path: Path, text: str) -> None:
    """Replace the content of ``path`` in one step; only its owner may read it.

    Raises:
        MachineError: The disk is full or the folder is not writable.
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
    """Open a file for writing that only its owner can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")


def append_line(path: Path, line: str) -> None:
    """Append ``line`` to ``path`` in one write, after terminating a line left torn by a crash.

    Missing files and folders are created for their owner only.

    Raises:
        MachineError: The disk is full or the folder is not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            write_all(file, ("\n" * torn + line + "\n").encode())
        finally:
            os.close(file)
    except OSError as error:
        raise MachineError(f"{path}: cannot be written: {error.strerror}") from error


def create_unique(folder: Path, stem: str, suffix: str) -> Path:
    """Create an empty file for its owner only, with a number in its name if that is taken.

    Raises:
        MachineError: The disk is full or the folder is not writable.
    """
    number = 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError as error:
            if not folder.is_dir():
                raise MachineError(f"{folder}: is not a folder") from error
            number += 1
        except OSError as error:
            raise MachineError(f"{path}: cannot be written: {error.strerror}") from error
        else:
            return path


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file that is only ever replaced, or copy it where the disk has no hard links.

    Raises:
        OSError: The disk is full or not writable.
    """
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def replace_folder(draft: Path, folder: Path) -> None:
    """Move ``draft`` to ``folder``, replacing what is there; a reader never sees half a folder.

    Raises:
        OSError: The disk is not writable.
    """
    if folder.exists():
        _move_aside(folder)
    draft.rename(folder)
    sync(folder.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder; a reader sees it either whole or not at all.

    Raises:
        OSError: The disk is not writable.
    """
    shutil.rmtree(_move_aside(folder))


def _move_aside(folder: Path) -> Path:
    """Rename a folder to a hidden name, where only one such leftover can exist."""
    hidden = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(hidden, ignore_errors=True)
    return folder.rename(hidden)


def tail(path: Path, size: int) -> str:
    """The last lines of a text file, at most ``size`` bytes; empty if there is no such file.

    A line that begins before those bytes is left out, unless there is no other.

    Raises:
        OSError: The file cannot be read.
    """
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return tail_of(stream, size)


def tail_of(stream: BinaryIO, size: int) -> str:
    """The last lines of an open text, see :func:`tail`."""
    start = max(0, stream.seek(0, os.SEEK_END) - size)
    stream.seek(start)
    data = stream.read(size)
    if start > 0:
        data = data.partition(b"\n")[2] or data
    return data.decode("utf-8", errors="replace")


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that the disk or the user's quota is full.

    Libraries written in Rust give the error number only in their message.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return True
        if any(f"os error {number})" in str(error) for number in _DISK_FULL):
            return True
        error = error.__cause__
    return False


def write_all(file: int, data: bytes) -> None:
    """Append all of ``data`` to an open file, or undo what a full disk let through.

    Raises:
        OSError: The disk is full or not writable; the file is unchanged.
    """
    written = os.write(file, data)
    if written < len(data):
        os.ftruncate(file, os.fstat(file).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
