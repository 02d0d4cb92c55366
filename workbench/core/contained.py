"""Files of a folder that may come from a stranger: opened without following any link in it.

Every file is opened relative to a handle of the folder above it, which was itself opened so
(openat(2) with O_NOFOLLOW), so that no link leads out of the folder, however it came there. What
is not a regular file, such as a pipe that would block its reader, is not opened either.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core import files
from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT

MAX_BYTES = 1 << 30
"""Size from which on a file is not read into memory, unless its reader asks for less."""

IS_LINK = "is a link, and links in a run are never followed"
_IS_NO_FILE = "is not a regular file"


@dataclass(frozen=True)
class ContainedFolder:
    """A folder in which no link is followed; all paths given to it are paths below it."""

    path: Path

    def open(self, file: Path, flags: int) -> int:
        """Open a regular file, readable by its owner only where it is created.

        Raises:
            OSError: It cannot be opened, is a link or lies behind one, or is no regular file.
        """
        with self._folder_of(file) as (folder, name):
            try:
                handle = os.open(name, flags | _SAFELY, 0o600, dir_fd=folder)
            except OSError as error:
                raise _explained(error, file, folder, name) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, _IS_NO_FILE, str(file))
        return handle

    def open_to_append(self, file: Path) -> int:
        """Open a file to append to, and create it and its folder if needed.

        Raises:
            OSError: See :meth:`open`.
        """
        self.make_folder(file.parent)
        return self.open(file, _APPEND)

    def stream(self, file: Path) -> BufferedReader:
        """Open a file for reading.

        Raises:
            OSError: See :meth:`open`.
        """
        return os.fdopen(self.open(file, os.O_RDONLY), "rb")

    def read_bytes(self, file: Path, limit: int = MAX_BYTES) -> bytes:
        """Read a whole file of at most ``limit`` bytes.

        Raises:
            OSError: It is larger, or see :meth:`open`.
        """
        with self.stream(file) as stream:
            if os.fstat(stream.fileno()).st_size > limit:
                raise OSError(errno.EFBIG, f"is larger than {limit >> 20} MB", str(file))
            return stream.read()

    def read_text(self, file: Path, limit: int = MAX_BYTES) -> str:
        """Read a whole file of UTF-8 of at most ``limit`` bytes.

        Raises:
            OSError: It is larger, or see :meth:`open`.
            UnicodeDecodeError: It is not UTF-8.
        """
        return self.read_bytes(file, limit).decode()

    def read_lines(self, file: Path) -> list[bytes]:
        """The lines of a file; none if it does not exist.

        Raises:
            OSError: See :meth:`open`.
        """
        try:
            return self.read_bytes(file).splitlines()
        except FileNotFoundError:
            return []

    def tail(self, file: Path, size: int) -> str:
        """The last lines of a text, see :func:`workbench.core.files.tail`; empty without a file.

        Raises:
            OSError: See :meth:`open`.
        """
        try:
            with self.stream(file) as stream:
                return files.tail_of(stream, size)
        except FileNotFoundError:
            return ""

    def is_file(self, file: Path) -> bool:
        """Whether there is a regular file that can be reached without following a link."""
        info = self._info(file)
        return info is not None and stat.S_ISREG(info.st_mode)

    def is_folder(self, folder: Path) -> bool:
        """Whether there is a folder that can be reached without following a link."""
        info = self._info(folder)
        return info is not None and stat.S_ISDIR(info.st_mode)

    def size(self, file: Path) -> int:
        """Size of a regular file in bytes; 0 where there is none."""
        info = self._info(file)
        return info.st_size if info is not None and stat.S_ISREG(info.st_mode) else 0

    def stamp(self, file: Path) -> tuple[int, int, int] | None:
        """Inode, modification time and size of a regular file; None where there is none.

        Of two replacements in one tick of the clock the inodes differ.
        """
        info = self._info(file)
        if info is None or not stat.S_ISREG(info.st_mode):
            return None
        return info.st_ino, info.st_mtime_ns, info.st_size

    def write_atomic(self, file: Path, text: str) -> None:
        """Replace a file in one step, see :func:`workbench.core.files.write_atomic`.

        Raises:
            MachineError: The disk is full, the folder is not writable, or a link is in the way.
        """
        draft = f".{file.name}.{os.getpid()}"
        try:
            with self._folder_of(file) as (folder, name):
                try:
                    _write(draft, text, folder)
                    os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
                except OSError:
                    _remove(draft, folder)
                    raise
        except OSError as error:
            raise MachineError(f"{file}: cannot be written: {error.strerror}") from error

    def append_line(self, file: Path, line: str) -> None:
        """Append a line in one write, after terminating one left torn by a crash.

        Missing files and folders are created for their owner only.

        Raises:
            MachineError: The disk is full, the folder is not writable, or a link is in the way.
        """
        try:
            torn = self.size(file) > 0 and not self.read_bytes(file).endswith(b"\n")
            handle = self.open_to_append(file)
            try:
                files.write_all(handle, ("\n" * torn + line + "\n").encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise MachineError(f"{file}: cannot be written: {error.strerror}") from error

    def create_unique(self, folder: Path, stem: str, suffix: str) -> Path:
        """Create an empty file, see :func:`workbench.core.files.create_unique`.

        Raises:
            MachineError: The disk is full, the folder is not writable, or a link is in the way.
        """
        try:
            self.make_folder(folder)
        except NotADirectoryError as error:
            raise MachineError(f"{folder}: is not a folder") from error
        except OSError as error:
            raise MachineError(f"{folder}: cannot be written: {error.strerror}") from error
        return files.create_unique(folder, stem, suffix)

    def remove(self, file: Path) -> bool:
        """Remove a file or a link; false where there is none.

        Raises:
            OSError: It cannot be removed.
        """
        with suppress(FileNotFoundError), self._folder_of(file) as (folder, name):
            os.unlink(name, dir_fd=folder)
            return True
        return False

    def make_folder(self, folder: Path) -> None:
        """Create a folder below this one, for its owner only, with those above it.

        Raises:
            OSError: It cannot be created, or a link or a file is in its place.
        """
        if folder != self.path:
            with self._folder_of(folder / "any", create=True):
                pass

    def names(self, folder: Path) -> list[str]:
        """Names of what is in a folder, sorted; none where there is no such folder.

        Raises:
            OSError: It is a link, lies behind one, is not a folder, or cannot be read.
        """
        with suppress(FileNotFoundError), self._folder_of(folder / "any") as (handle, _name):
            return sorted(os.listdir(handle))  # noqa: PTH208 - of a handle
        return []

    def _info(self, file: Path) -> os.stat_result | None:
        try:
            with self._folder_of(file) as (folder, name):
                return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None

    @contextmanager
    def _folder_of(self, file: Path, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """A handle of the folder of ``file``, reached without following a link, and its name."""
        *above, name = file.relative_to(self.path).parts
        if ".." in (*above, name):
            raise OSError(errno.EINVAL, "leads out of its folder", str(file))
        handle = os.open(self.path, _FOLDER)
        try:
            for part in above:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=handle)
                try:
                    below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
                except OSError as error:
                    raise _explained(error, file.parent, handle, part) from error
                os.close(handle)
                handle = below
            yield handle, name
        finally:
            os.close(handle)


def _write(name: str, text: str, folder: int) -> None:
    with os.fdopen(_create(name, folder), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _create(name: str, folder: int) -> int:
    """Create a file in the place of what a killed process, or a stranger, left there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        return os.open(name, flags, 0o600, dir_fd=folder)
    except FileExistsError:
        _remove(name, folder)
        return os.open(name, flags, 0o600, dir_fd=folder)


def _remove(name: str, folder: int) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=folder)


def _explained(error: OSError, path: Path, folder: int, name: str) -> OSError:
    """The error, or that ``path`` is a link, for which the system has several numbers."""
    with suppress(OSError):
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return OSError(errno.ELOOP, IS_LINK, str(path))
    return error
