"""What is wrong with a run folder, in one line: it may be damaged, or somebody else's."""

from __future__ import annotations

import json
import os
import pwd
from typing import TYPE_CHECKING

import yaml

from workbench.core.errors import BadInputError
from workbench.core.sanitize import visible
from workbench.recipe import yaml_io, yaml_limits
from workbench.runs.links import first_link

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_REPORT_BYTES = 256 << 20


def fault_of(run: RunFolder) -> str:
    """What is wrong with a run; empty if all that the list of runs reads can be read.

    The report is not looked at, see :func:`report_fault`.
    """
    if private := _private(run.path):
        return private
    try:
        if link := first_link(run):
            return f"{link} is a link, so nothing is read or written through it"
    except BadInputError as error:
        return str(error).removeprefix(f"{run.path}{os.sep}")
    status = run.status()
    if not status.readable:
        return status.reason
    return _unopened(run, run.events) or recipe_fault(run)


def recipe_fault(run: RunFolder) -> str:
    """Why the recipe of a run cannot be read at all; its fields are not looked at."""
    try:
        recipe_words(run)
    except BadInputError as error:
        return str(error)
    return ""


def recipe_words(run: RunFolder) -> tuple[str, str, str]:
    """Name, base model and strategy as the recipe has them, though it may be no longer valid.

    Raises:
        BadInputError: It cannot be read, or lacks one of them.
    """
    name = run.recipe_file.name
    try:
        text = run.files.read_text(run.recipe_file, yaml_limits.MAX_BYTES)
        if too_much := yaml_limits.excess(text):
            raise BadInputError(f"{name}: too much for a recipe: {too_much}")
        values = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a SafeLoader
        words = (values["name"], values["model"]["id"], values["strategy"]["kind"])
    except OSError as error:
        raise BadInputError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{name} is not UTF-8") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInputError(f"{name} is not YAML") from error
    except (LookupError, TypeError) as error:
        raise BadInputError(f"{name} is not a recipe") from error
    if not all(isinstance(word, str) for word in words):
        raise BadInputError(f"{name} is not a recipe")
    shown = (" ".join(visible(yaml_io.shortened(word)).split()) for word in words)
    return next(shown), next(shown), next(shown)


def report_fault(run: RunFolder) -> str:
    """Why the report of a run cannot be read; empty if it can, or if there is none."""
    name = run.report.name
    try:
        report = json.loads(run.files.read_bytes(run.report, _MAX_REPORT_BYTES))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{name} {_predicate(error)}"
    except (ValueError, RecursionError):
        return f"{name} is damaged; 'ftwb evaluate {run.id}' writes a new one"
    return "" if isinstance(report, dict) else f"{name} is not a report"


def _private(folder: Path) -> str:
    """Why a folder cannot be looked into; empty if it can."""
    try:
        with os.scandir(folder):
            (folder / ".").stat()
    except PermissionError:
        return f"{_owner(folder)} keeps it private"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if os.access(folder, os.X_OK) else f"{_owner(folder)} keeps it private"


def _owner(folder: Path) -> str:
    try:
        number = folder.lstat().st_uid
        return f"its owner, {pwd.getpwuid(number).pw_name},"
    except KeyError:
        return f"its owner, user {number},"
    except OSError:
        return "its owner"


def _unopened(run: RunFolder, file: Path) -> str:
    try:
        with run.files.stream(file):
            return ""
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{file.name} {_predicate(error)}"


def _predicate(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason if reason.startswith("is ") else f"cannot be read: {reason}"
