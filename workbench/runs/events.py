"""events.jsonl: append-only, one JSON object a line, each line written whole or not at all.

Every event has ``t`` (seconds since the epoch), ``step`` and ``kind``: ``phase train eval memory
retention canary penalty probe checkpoint notice error``.
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

_CHUNK_BYTES = 1 << 20
"""Bytes of a log that are in memory at a time."""


class EventLog:
    """The worker's end: every event is one write, complete or undone."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` for appending; a line that a power cut left incomplete is ended first."""
        self._ends_incomplete = _ends_incomplete(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, kind: str, step: int, **values: Any) -> Event:
        """Write one event; a number that is not finite becomes null, and a notice is added.

        Raises:
            OSError: The disk is full or cannot be written; the log is as it was.
        """
        non_finite = [key for key, value in values.items() if _is_non_finite(value)]
        event: Event = {
            "t": round(time.time(), 3),
            "step": step,
            "kind": kind,
            **{
                key: None if key in non_finite else _scrubbed(value)
                for key, value in values.items()
            },
        }
        events = [event]
        if non_finite:
            text = f"{kind}: {', '.join(non_finite)} is not finite"
            notice = {"kind": "notice", "level": "warning", "text": text}
            events.append({"t": event["t"], "step": step, **notice})
        lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        files.write_all(self._file, ("\n" * self._ends_incomplete + lines).encode())
        self._ends_incomplete = False
        return event

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class EventReader:
    """The reader's end: yields what is new since the last call, tolerating a torn last line."""

    def __init__(self, path: Path, *, at_end: bool = False) -> None:
        """Start before the first event of ``path``, which need not exist yet, or after the last."""
        self._path = path
        self._offset = self.size if at_end else 0

    def read(self) -> Iterator[Event]:
        """Yield every event written since the last call; lines that are not events are skipped."""
        while lines := self.lines(_CHUNK_BYTES):
            yield from filter(None, map(parse_event, lines))

    def lines(self, limit: int) -> list[bytes]:
        """The complete lines of the next ``limit`` bytes, or a single longer line."""
        if not self.unread:
            return []
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            data = stream.read(limit)
            if len(data) == limit and b"\n" not in data:
                data += stream.readline()
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        return complete.splitlines(keepends=True)

    @property
    def size(self) -> int:
        """Size of the log in bytes."""
        return self._path.stat().st_size if self._path.exists() else 0

    @property
    def unread(self) -> int:
        """Bytes written since the last call, including an incomplete last line."""
        return max(0, self.size - self._offset)


def newest_lines(path: Path, size: int) -> list[bytes]:
    """The complete lines among the last ``size`` bytes of a log; none if there is no log.

    Lines end at a newline only: texts in them may contain other line separators of Unicode.
    """
    *lines, _incomplete = files.tail(path, size).split("\n")
    return [f"{line}\n".encode() for line in lines]


def parse_event(line: bytes) -> Event | None:
    """Parse a line of the log; None if it is not an event."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        return None
    return event if isinstance(event.get("step"), (int, float)) else None


def _ends_incomplete(path: Path) -> bool:
    """Whether the last line of a log has no newline; reads one byte, however long the log is."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() != b"\n"


def _scrubbed(value: object) -> object:
    return scrub(value) if isinstance(value, str) else value


def _is_non_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
