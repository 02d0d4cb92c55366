"""The error log holds what a bug report needs, nothing private, and does not grow for ever."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from workbench.core import locations, log
from workbench.core.errors import MachineError

if TYPE_CHECKING:
    import pytest

TOKEN = "hf_" + "Zz9" * 12


def fail(prompt: str) -> None:
    raise KeyError("x" * len(prompt[:1]))


def logged_error(prompt: str = "?") -> Exception:
    try:
        fail(prompt)
    except KeyError as error:
        return error
    raise AssertionError


def test_a_traceback_is_appended_for_the_owner_only() -> None:
    log.write_error(logged_error(), "reading the list of runs")
    log.write_error(MachineError("the disk is full"), "launching the run")
    text = locations.log_file().read_text()
    assert "reading the list of runs\nTraceback (most recent call last):" in text
    assert "KeyError: 'x'\n" in text
    assert text.index("KeyError") < text.index("MachineError: the disk is full")
    assert stat.S_IMODE(locations.log_file().stat().st_mode) == 0o600


def test_the_cause_of_an_error_is_logged_too() -> None:
    error = MachineError("cannot be read")
    error.__cause__ = PermissionError(13, "Permission denied")
    log.write_error(error, "reading")
    assert "PermissionError: [Errno 13] Permission denied" in locations.log_file().read_text()


def test_secrets_and_local_variables_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    log.write_error(OSError(f"/home/ada/rows.jsonl with {TOKEN}"), "reading")
    log.write_error(logged_error("my landlord owes me money"), "asking")
    text = locations.log_file().read_text()
    assert "~/rows.jsonl with <token>" in text
    assert "landlord" not in text.replace('logged_error("my landlord owes me money")', "")


def test_a_full_log_makes_room_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_BYTES", 1000)
    for number in range(50):
        log.write_error(ValueError(f"error {number}."), "counting")
    current, previous = locations.log_file(), locations.log_file().with_name("ftwb.log.1")
    assert sorted(path.name for path in current.parent.iterdir()) == [current.name, previous.name]
    assert current.stat().st_size < 1200
    assert "error 49." in current.read_text()
    assert "error 0." not in previous.read_text()


def test_a_log_that_cannot_be_written_hides_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTWB_HOME", "/dev/null/nowhere")
    log.write_error(logged_error(), "reading")
