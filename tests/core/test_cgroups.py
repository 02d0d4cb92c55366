"""Limits of containers are read from files of the kernel as versions 1 and 2 lay them out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from workbench.core import cgroups
from workbench.core.cgroups import MemoryLimit, memory_limit, oom_kills, processors
from workbench.hardware.doctor import check_memory
from workbench.hardware.host_memory import host_memory
from workbench.hardware.readings import read_memory
from workbench.hardware.summary import machine_summary
from workbench.runs.launch import worker_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30
V1_NONE = "9223372036854771712"


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lay out files of a kernel: ``/proc/self/cgroup``, and those below ``/sys/fs/cgroup``."""
    mount = tmp_path / "cgroup"
    mount.mkdir()
    monkeypatch.setattr(cgroups, "_MOUNT", mount)
    monkeypatch.setattr(cgroups, "_SELF", tmp_path / "self")
    monkeypatch.setattr(cgroups, "_VMSTAT", tmp_path / "vmstat")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)))
    (tmp_path / "vmstat").write_text("pgfault 7\noom_kill 5\n")

    def lay_out(own: str, files: dict[str, str]) -> None:
        (tmp_path / "self").write_text(own)
        for name, content in files.items():
            (mount / name).parent.mkdir(parents=True, exist_ok=True)
            (mount / name).write_text(content)

    return lay_out


def test_v2_takes_the_tightest_of_the_own_group_and_those_above(
    kernel: Callable[..., None],
) -> None:
    kernel(
        "0::/user.slice/job/step\n",
        {
            "cgroup.controllers": "cpu memory\n",
            "user.slice/memory.max": "max\n",
            "user.slice/memory.current": f"{9 * GIB}\n",
            "user.slice/job/memory.max": f"{GIB}\n",
            "user.slice/job/memory.current": f"{700 * MIB}\n",
            "user.slice/job/memory.stat": f"anon 1\ninactive_file {100 * MIB}\n",
            "user.slice/job/memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 9\n",
            "user.slice/job/step/memory.max": f"{2 * GIB}\n",
            "user.slice/job/step/memory.current": f"{GIB}\n",
            "user.slice/cpu.max": "250000 100000\n",
            "user.slice/job/cpu.max": "max 100000\n",
        },
    )
    assert memory_limit() == MemoryLimit(GIB, 600 * MIB, 2)
    assert processors() == 2
    assert oom_kills() == 2


def test_v1_has_a_tree_for_each_controller(kernel: Callable[..., None]) -> None:
    kernel(
        "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n",
        {
            "memory/memory.limit_in_bytes": V1_NONE,
            "memory/memory.usage_in_bytes": f"{20 * GIB}\n",
            "memory/docker/abc/memory.limit_in_bytes": f"{3 * GIB}\n",
            "memory/docker/abc/memory.usage_in_bytes": f"{2 * GIB}\n",
            "memory/docker/abc/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
            "memory/docker/abc/memory.oom_control": "oom_kill_disable 0\noom_kill 4\n",
            "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "50000\n",
            "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        },
    )
    assert memory_limit() == MemoryLimit(3 * GIB, GIB, 4)
    assert processors() == 1


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/docker/not-visible-here\n", {"cgroup.controllers": "", "memory.max": f"{GIB}\n"}),
        ("3:memory:/docker/not-visible-here\n", {"memory/memory.limit_in_bytes": f"{GIB}\n"}),
    ],
    ids=["v2", "v1"],
)
def test_inside_a_container_the_own_group_is_the_root(
    kernel: Callable[..., None], own: str, files: dict[str, str]
) -> None:
    used = {"memory.current": "7\n", "memory/memory.usage_in_bytes": "7\n"}
    kernel(own, files | used)
    assert memory_limit() == MemoryLimit(GIB, 7, 0)


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("", {}),
        ("0::/\n", {"cgroup.controllers": ""}),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": V1_NONE}),
        (
            "0::/\n",
            {"cgroup.controllers": "", "memory.max": "max\n", "memory.current": "1\n"},
        ),
        ("0::/\n", {"cgroup.controllers": "", "memory.max": "", "cpu.max": "?"}),
    ],
)
def test_without_a_limit_the_machine_counts(
    kernel: Callable[..., None], own: str, files: dict[str, str]
) -> None:
    kernel(own, files)
    assert memory_limit() is None
    assert processors() == 16
    assert oom_kills() == 5
    assert not host_memory().limited
    assert "container" not in machine_summary()
    assert "container_limit" not in read_memory()


def test_a_limit_is_what_every_screen_shows(
    kernel: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    kernel(
        "0::/\n",
        {
            "cgroup.controllers": "",
            "memory.max": f"{GIB}\n",
            "memory.current": f"{256 * MIB}\n",
            "cpu.max": "300000 100000\n",
        },
    )
    assert host_memory() == (GIB, 768 * MIB, True)
    reading = read_memory()
    assert (reading["host_total"], reading["host_used"]) == (GIB, 256 * MIB)
    assert reading["container_limit"] == GIB
    check = check_memory()
    assert (check.state, "0.8 of 1.0 GiB free in this container" in check.message) == ("warn", True)
    if "no GPU" in machine_summary():
        assert machine_summary() == "3 cores · 1.0 GiB in this container · no GPU"
    assert worker_environment()["OMP_NUM_THREADS"] == "3"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert worker_environment()["OMP_NUM_THREADS"] == "7"
