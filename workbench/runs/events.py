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
from workbench.core.contained import ContainedFolder
from workbench.core.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Event = dict[str, Any]

_TEXTS = {
    "notice": ("text",),
    "error": ("text",),
    "checkpoint": ("path",),
    "phase": ("name",),
}
"""Texts without which an event of a kind cannot be shown."""

_MEASURED = frozenset({"train", "eval", "memory", "retention", "penalty"})
"""Kinds of events that hold numbers only."""

_LARGEST = 1e300

_CHUNK_BYTES = 1 << 20
"""Bytes of a log that are in memory at a time."""


class EventLog:
    """The worker's end: every event is one write, complete or undone."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` for appending; a line that a power cut left incomplete is ended first."""
        self._ends_incomplete = _ends_incomplete(path)
        self._file = ContainedFolder(path.parent).open_to_append(path)

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
        self._path, self._folder = path, ContainedFolder(path.parent)
        self._offset = self.size if at_end else 0

    def read(self) -> Iterator[Event]:
        """Yield every event written since the last call; lines that are not events are skipped."""
        while lines := self.lines(_CHUNK_BYTES):
            yield from filter(None, map(parse_event, lines))

    def lines(self, limit: int) -> list[bytes]:
        """The complete lines of the next ``limit`` bytes, or a single longer line."""
        if not self.unread:
            return []
        with self._folder.stream(self._path) as stream:
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
        return self._folder.size(self._path)

    @property
    def unread(self) -> int:
        """Bytes written since the last call, including an incomplete last line."""
        return max(0, self.size - self._offset)


def newest_lines(path: Path, size: int) -> list[bytes]:
    """The complete lines among the last ``size`` bytes of a log; none if there is no log.

    Lines end at a newline only: texts in them may contain other line separators of Unicode.
    """
    *lines, _incomplete = ContainedFolder(path.parent).tail(path, size).split("\n")
    return [f"{line}\n".encode() for line in lines]


def parse_event(line: bytes) -> Event | None:
    """Parse a line of the log; None if it is not an event."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        return None
    return _checked(event)


def _checked(event: Event) -> Event | None:
    """An event of a log that anybody may have written; None where it lacks what readers rely on.

    A value that should be a number and is none becomes null, as if it had not been finite.
    """
    texts = _TEXTS.get(event["kind"], ())
    if not all(isinstance(event.get(name), str) for name in texts):
        return None
    if not all(is_plottable(event.get(name, 0)) for name in ("t", "done", "total", "resumed_from")):
        return None
    if not is_plottable(event.get("step")):
        return None
    measured = event["kind"] in _MEASURED
    broken = [
        name
        for name, value in event.items()
        if (isinstance(value, (int, float)) and not is_plottable(value))
        or (measured and not isinstance(value, (int, float)) and name != "kind")
    ]
    return event | dict.fromkeys(broken) if broken else event


def is_plottable(value: object) -> bool:
    """Whether a value is a finite number that a curve and a date can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= _LARGEST


def _ends_incomplete(path: Path) -> bool:
    """Whether the last line of a log has no newline; reads one byte, however long the log is."""
    folder = ContainedFolder(path.parent)
    if not folder.size(path):
        return False
    with folder.stream(path) as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() != b"\n"


def _scrubbed(value: object) -> object:
    return scrub(value) if isinstance(value, str) else value


def _is_non_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
