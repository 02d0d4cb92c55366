"""What the doctor checks, and what it makes of a broken machine."""

from __future__ import annotations

import errno
import fcntl
import shutil
import sys
import tempfile
from importlib import metadata
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants

from tests.hardware.fake_nvml import GIB, FakeNvml
from workbench.hardware import doctor, gpus
from workbench.hardware.packages import check_packages, version_of

if TYPE_CHECKING:
    from pathlib import Path


def states(root: Path) -> dict[str, str]:
    return {check.name: check.state for check in doctor.examine(root)}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def test_everything_is_checked_once(tmp_path: Path) -> None:
    checks = list(doctor.examine(tmp_path))
    assert [check.name for check in checks] == [
        "Python",
        "packages",
        "device",
        "memory",
        "disk",
        "runs folder",
        "caches",
        "terminal",
        "connection",
        "logout",
        "hub",
    ]
    assert all(check.remedy for check in checks if check.state != "ok")


def test_the_checks_leave_nothing_behind(tmp_path: Path) -> None:
    states(tmp_path / "runs")
    assert list(tmp_path.iterdir()) == []


def test_an_old_python_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_python().state == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    check = doctor.check_python()
    assert (check.state, check.message) == ("fail", "3.10.4 is too old")


@pytest.mark.parametrize(
    ("free", "state"), [(100 * GIB, "ok"), (4 * GIB, "warn"), (GIB // 2, "fail")]
)
def test_a_full_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert doctor.check_disk(tmp_path / "not" / "yet").state == state


def test_a_runs_folder_that_cannot_be_written_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor.check_writable(tmp_path / "runs").state == "ok"

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    check = doctor.check_writable(tmp_path / "runs")
    assert check.state == "fail"
    assert "Permission denied" in check.message


def test_a_runs_folder_without_locks_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    check = doctor.check_writable(tmp_path)
    assert check.state == "warn"
    assert "does not support locks" in check.message
    assert "one host only" in check.remedy


@pytest.mark.parametrize(
    ("torch", "state", "message"),
    [("2.13.0+cpu", "warn", "built for the CPU only"), ("2.13.0", "ok", "driver 580.1")],
)
def test_a_gpu_needs_a_torch_that_uses_it(
    monkeypatch: pytest.MonkeyPatch, torch: str, state: str, message: str
) -> None:
    monkeypatch.setattr(gpus, "_nvml", FakeNvml)
    monkeypatch.setattr(doctor, "version_of", lambda _: torch)
    check = doctor.check_device()
    assert check.state == state
    assert message in check.message


def test_a_machine_without_a_gpu_is_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "_nvml", lambda: None)
    check = doctor.check_device()
    assert check.state == "warn"
    assert "no GPU" in check.message


def test_the_hub_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_hub().state == "warn"
    monkeypatch.setattr(doctor, "hub_reachable", lambda _: True)
    assert doctor.check_hub().state == "ok"


@pytest.mark.parametrize(
    ("required", "state", "message"),
    [
        (["pytest>=1"], "ok", "all 1 are installed"),
        (["pytest>=1", "no-such-package-here"], "fail", "no-such-package-here is missing"),
        (["pytest>=99999"], "fail", ">=99999 is needed"),
        (['no-such-package-here; extra == "test"'], "ok", "all 0 are installed"),
        (['no-such-package-here; python_version < "3"'], "ok", "all 0 are installed"),
    ],
)
def test_packages_are_compared_with_the_requirements(
    monkeypatch: pytest.MonkeyPatch, required: list[str], state: str, message: str
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: required)
    check = check_packages()
    assert check.state == state
    assert message in check.message


def test_a_package_that_is_not_installed_has_no_version() -> None:
    assert version_of("pytest") == pytest.__version__
    assert version_of("no-such-package-here") is None
    assert check_packages("no-such-package-here").state == "fail"


@pytest.mark.parametrize(("torch", "state"), [("2.9.0+rocm6.4", "ok"), ("2.9.0+cpu", "warn")])
def test_an_amd_device_is_recognised_by_its_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch: str, state: str
) -> None:
    driver = tmp_path / "kfd"
    driver.touch()
    monkeypatch.setattr(doctor, "_AMD_DRIVER", driver)
    monkeypatch.setattr(doctor, "gpus", lambda: ())
    monkeypatch.setattr(doctor, "version_of", lambda _name: torch)
    check = doctor.check_device()
    assert check.state == state
    assert check.message.startswith(f"an AMD driver is present at {driver}")
    assert ("ROCm" in check.remedy) == (state == "warn")
