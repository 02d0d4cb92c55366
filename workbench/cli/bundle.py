"""The bundle for a bug report: what is needed to see what went wrong, and nothing private."""

from __future__ import annotations

import json
import platform
import zipfile
from dataclasses import asdict
from typing import TYPE_CHECKING

from workbench.core import files, locations
from workbench.core.errors import BadInputError
from workbench.core.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from workbench.hardware.check import Check
    from workbench.runs.folder import RunFolder

_MAX_EVENTS = 500
_TAIL_BYTES = 128 << 10
_WITH_TEXT = frozenset({"canary", "probe"})
"""Kinds of events that contain prompts and answers."""


def gather(run: RunFolder | None, checks: Iterable[Check]) -> dict[str, str]:
    """The scrubbed files of a bundle, by their name in the archive.

    From the workbench: the end of its error log, if there is one. From a run: recipe, status, the
    end of its events without prompts and answers, and the end of its log. Never weights, rows,
    reports or chats.
    """
    parts = {
        "versions.txt": _versions(),
        "doctor.json": json.dumps([asdict(check) for check in checks], indent=1),
    }
    if errors := files.tail(locations.log_file(), _TAIL_BYTES):
        parts["ftwb.log"] = errors
    if run is not None:
        parts |= _of_run(run)
    return {name: scrub(text) for name, text in parts.items()}


def write(path: Path, parts: Mapping[str, str]) -> None:
    """Write the archive, readable only by its owner.

    Raises:
        BadInputError: The file already exists or cannot be written.
    """
    try:
        path.touch(mode=0o600, exist_ok=False)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in parts.items():
                archive.writestr(name, text)
    except FileExistsError as error:
        raise BadInputError(f"{path}: already exists; choose another name") from error
    except OSError as error:
        raise BadInputError(f"{path}: cannot be written: {error.strerror}") from error


def _versions() -> str:
    from importlib import metadata

    packages = {f"{package.name}=={package.version}" for package in metadata.distributions()}
    machine = f"Python {platform.python_version()} on {platform.system()} {platform.release()}"
    return "\n".join([f"{machine} {platform.machine()}", *sorted(packages, key=str.lower), ""])


def _of_run(run: RunFolder) -> dict[str, str]:
    return {
        "recipe.yaml": run.files.tail(run.recipe_file, _TAIL_BYTES),
        "status.json": run.status().model_copy(update={"host": ""}).model_dump_json(indent=1),
        "events.jsonl": _events_without_text(run),
        "worker.log": run.files.tail(run.log, _TAIL_BYTES),
    }


def _events_without_text(run: RunFolder) -> str:
    from workbench.runs.events import newest_lines, parse_event

    events = [(parse_event(line), line) for line in newest_lines(run.events, _TAIL_BYTES)]
    kept = [line for event, line in events if event and event["kind"] not in _WITH_TEXT]
    return b"".join(kept[-_MAX_EVENTS:]).decode()
