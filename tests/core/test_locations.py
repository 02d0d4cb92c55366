"""Folders that cannot be written, and users without a home folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.core import locations
from workbench.core.errors import MachineError
from workbench.hardware import doctor, session
from workbench.recipe.recipe import Recipe
from workbench.runs.folder import Runs
from workbench.runs.launch import launch


@pytest.fixture
def nobody_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user whom nothing gives a home folder; ours is returned where it would be made."""
    monkeypatch.delenv("HOME", raising=False)

    def unknown(_path: object) -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    del tmp_path
    return Path("/tmp/ftwb-4000000")  # noqa: S108 - made up


@pytest.mark.parametrize("empty", [False, True])
def test_without_a_home_folder_one_of_the_users_own_stands_in(
    nobody_home: Path, monkeypatch: pytest.MonkeyPatch, empty: bool
) -> None:
    if empty:
        monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(os, "getuid", os.geteuid)
    stand_in = nobody_home.with_name(f"ftwb-{os.geteuid()}")
    existed = stand_in.exists()
    try:
        assert locations.provide_home() == str(stand_in)
        assert Path.home() == stand_in
        assert locations.provide_home() == ""
        assert doctor.check_caches().state == "warn"
        assert session._user()
    finally:
        if not existed:
            stand_in.rmdir()


def test_the_folder_of_somebody_else_never_stands_in(nobody_home: Path) -> None:
    nobody_home.mkdir()
    try:
        with pytest.raises(MachineError, match="is not yours; set HOME"):
            locations.provide_home()
    finally:
        nobody_home.rmdir()


def test_a_home_folder_that_is_named_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locations.provide_home() == ""
    assert Path.home() == tmp_path


def test_an_unwritable_cache_is_said_at_launch_and_by_the_doctor(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = locations.cache()
    monkeypatch.setattr(locations, "is_writable", lambda folder: folder != cache)
    run = runs.create(Recipe())
    with pytest.raises(MachineError, match="set FTWB_CACHE"):
        launch(run)
    assert run.status().state == "failed"
    assert "set FTWB_CACHE" in run.status().reason
    check = doctor.check_caches()
    assert (check.state, "FTWB_CACHE" in check.remedy) == ("fail", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_locked_folder_is_not_writable(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert not locations.is_writable(tmp_path)
        assert not locations.is_writable(tmp_path / "deep" / "er")
        with pytest.raises(MachineError, match="FTWB_HOME or --runs-dir"):
            Runs(tmp_path / "runs").create(Recipe())
    finally:
        tmp_path.chmod(0o700)
    assert locations.is_writable(tmp_path / "deep" / "er")
    (tmp_path / "file").touch()
    assert not locations.is_writable(tmp_path / "file" / "below")
