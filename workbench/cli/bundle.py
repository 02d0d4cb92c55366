"""A bundle for a bug report: enough to see what went wrong, and nothing that is private."""

from __future__ import annotations

import json
import platform
import zipfile
from dataclasses import asdict
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.core.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from workbench.hardware.check import Check
    from workbench.runs.folder import RunFolder

_EVENTS = 500
_TAIL_BYTES = 128 << 10
_SPEAKING = frozenset({"canary", "probe"})
"""Kinds of events that repeat what was asked of the model and what it said."""


def gather(run: RunFolder | None, checks: Iterable[Check]) -> dict[str, str]:
    """Collect the files of a bundle, scrubbed: name in the archive and content.

    Of a run: recipe, status, the end of its events without prompts and answers, the end of its
    log. Never weights, rows, reports or chats.
    """
    found = {
        "versions.txt": _versions(),
        "doctor.json": json.dumps([asdict(check) for check in checks], indent=1),
    }
    if run is not None:
        found |= _of_run(run)
    return {name: scrub(text) for name, text in found.items()}


def write(path: Path, parts: Mapping[str, str]) -> None:
    """Write the archive, readable by its owner alone.

    Raises:
        BadInputError: There is such a file already, or it cannot be written.
    """
    try:
        path.touch(mode=0o600, exist_ok=False)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in parts.items():
                archive.writestr(name, text)
    except FileExistsError as error:
        raise BadInputError(f"{path}: exists already; name another file") from error
    except OSError as error:
        raise BadInputError(f"{path}: cannot be written: {error.strerror}") from error


def _versions() -> str:
    from importlib import metadata

    installed = sorted(
        {f"{each.name}=={each.version}" for each in metadata.distributions()}, key=str.lower
    )
    machine = f"Python {platform.python_version()} on {platform.system()} {platform.release()}"
    return "\n".join([f"{machine} {platform.machine()}", *installed, ""])


def _of_run(run: RunFolder) -> dict[str, str]:
    return {
        "recipe.yaml": _tail(run.recipe_file),
        "status.json": run.status().model_copy(update={"host": ""}).model_dump_json(indent=1),
        "events.jsonl": "".join(_silent_events(run)),
        "worker.log": _tail(run.log),
    }


def _silent_events(run: RunFolder) -> list[str]:
    from workbench.runs.events import newest_lines, parse_event

    lines = newest_lines(run.events, _TAIL_BYTES)
    told = [(event, line) for line in lines if (event := parse_event(line)) is not None]
    kept = [line.decode() for event, line in told if event["kind"] not in _SPEAKING]
    return kept[-_EVENTS:]


def _tail(path: Path) -> str:
    """The end of a text file; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return stream.read().decode(errors="replace")
