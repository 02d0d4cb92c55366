from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from workbench.cli.root import ftwb
from workbench.hardware import doctor
from workbench.hardware.check import Check

if TYPE_CHECKING:
    from click.testing import Result

FINE = Check("disk", "ok", "80 GiB free")
WARNED = Check("hub", "warn", "does not answer", "connect")
BROKEN = Check("packages", "fail", "torch is missing", "pip install torch")


def examine(
    monkeypatch: pytest.MonkeyPatch, *found: Check, arguments: tuple[str, ...] = ()
) -> Result:
    monkeypatch.setattr(doctor, "examine", lambda _: iter(found))
    return CliRunner().invoke(ftwb, ["doctor", *arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("found", "code"),
    [((FINE,), 0), ((FINE, WARNED), 0), ((FINE, BROKEN), 3), ((BROKEN, WARNED), 3)],
)
def test_only_a_failure_changes_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, found: tuple[Check, ...], code: int
) -> None:
    assert examine(monkeypatch, *found).exit_code == code
    assert examine(monkeypatch, *found, arguments=("--json",)).exit_code == code


def test_findings_come_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    text = examine(monkeypatch, FINE, BROKEN).stdout
    assert "80 GiB free" in text
    assert "torch is missing" in text
    assert "pip install torch" in text


def test_findings_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    result = examine(monkeypatch, FINE, WARNED, arguments=("--json",))
    assert json.loads(result.stdout) == [
        {"name": "disk", "state": "ok", "message": "80 GiB free", "remedy": ""},
        {"name": "hub", "state": "warn", "message": "does not answer", "remedy": "connect"},
    ]
