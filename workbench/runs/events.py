"""events.jsonl: append-only, one object a line, each line written whole.

Kinds: ``phase train eval memory retention canary penalty probe checkpoint notice error``.
"""

from __future__ import annotations

import json
import math
import os
import time
from typing import TYPE_CHECKING, Any

from workbench.core import files
from workbench.core.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Event = dict[str, Any]

_CHUNK = 1 << 20
"""Bytes of a log that are held in memory at a time."""


class EventLog:
    """The worker's end: every event is one write, whole or taken back."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` for appending; a line that a power cut left torn is ended first."""
        self._torn = _ends_torn(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, kind: str, step: int, **values: Any) -> Event:
        """Write one event; a number that is not finite is written as null, with a notice.

        Raises:
            OSError: The disk is full or cannot be written; nothing of it is in the log.
        """
        broken = [key for key, value in values.items() if _not_finite(value)]
        event: Event = {
            "t": round(time.time(), 3),
            "step": step,
            "kind": kind,
            **{key: None if key in broken else _clean(value) for key, value in values.items()},
        }
        told = [event]
        if broken:
            text = f"{kind}: {', '.join(broken)} is not finite"
            notice = {"kind": "notice", "level": "warning", "text": text}
            told.append({"t": event["t"], "step": step, **notice})
        lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)
        files.write_all(self._file, ("\n" * self._torn + lines).encode())
        self._torn = False
        return event

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class EventReader:
    """The screens' end: yields what is new since the last call, tolerating a torn last line."""

    def __init__(self, path: Path, *, at_end: bool = False) -> None:
        """Start before the first event of ``path``, which need not exist yet, or after the last."""
        self._path = path
        self._offset = self.size if at_end else 0

    def read(self) -> Iterator[Event]:
        """Yield every whole line written since the last call; what is no event is skipped."""
        while lines := self.lines(_CHUNK):
            for line in lines:
                event = parse(line)
                if event is not None:
                    yield event

    def lines(self, most: int) -> list[bytes]:
        """The whole lines among the next ``most`` bytes, or one longer line; each read once."""
        if not self.unread:
            return []
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            found = stream.read(most)
            if len(found) == most and b"\n" not in found:
                found += stream.readline()
        whole = found[: found.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines(keepends=True)

    def newest(self, most: int) -> list[bytes]:
        """The whole lines among the last ``most`` bytes, which are not taken for read."""
        with self._path.open("rb") as stream:
            stream.seek(max(0, self.size - most))
            return [line for line in stream.readlines()[1:] if line.endswith(b"\n")]

    @property
    def size(self) -> int:
        """Bytes of the log."""
        return self._path.stat().st_size if self._path.exists() else 0

    @property
    def unread(self) -> int:
        """Bytes written since the last call, a torn last line among them."""
        return max(0, self.size - self._offset)


def parse(line: bytes) -> Event | None:
    """The event that a line holds; None where it holds none."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        return None
    return event if isinstance(event.get("step"), (int, float)) else None


def _ends_torn(path: Path) -> bool:
    """Whether a log has a last line without an end; one byte tells, however long the log is."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() != b"\n"


def _clean(value: object) -> object:
    return scrub(value) if isinstance(value, str) else value


def _not_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
