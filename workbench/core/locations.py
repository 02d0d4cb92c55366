"""Every path ftwb uses, in one place."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from workbench.core.errors import MachineError

_PACKAGE = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder of everything worth keeping: ``$FTWB_HOME`` or the platform's data folder."""
    if override := os.environ.get("FTWB_HOME"):
        return Path(override).expanduser()
    import platformdirs  # imported here to keep the start of the TUI fast

    return platformdirs.user_data_path("ftwb")


def runs() -> Path:
    """The folder of all runs: ``$FTWB_RUNS_DIR``, or ``runs`` in :func:`home`."""
    if override := os.environ.get("FTWB_RUNS_DIR"):
        return Path(override).expanduser().absolute()
    return home().absolute() / "runs"


def cache() -> Path:
    """The folder of what can be rebuilt, such as the converted demo model: ``$FTWB_CACHE``."""
    if override := os.environ.get("FTWB_CACHE"):
        return Path(override).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("ftwb")


def queue() -> Path:
    """The folder in which this user's runs queue for the machine's devices: ``$FTWB_QUEUE``.

    It is in the platform's folder for state, which nobody cleans and every session finds, with one
    folder for each machine that shares it. Where that cannot be written it is in ``/tmp``. Its
    content is worthless after a reboot.
    """
    if override := os.environ.get("FTWB_QUEUE"):
        return Path(override).expanduser().absolute()
    import platformdirs

    state = platformdirs.user_state_path("ftwb")
    if is_writable(state):
        return state / "queue" / socket.gethostname()
    return Path(f"/tmp/ftwb-{os.getuid()}")  # noqa: S108 - the queue checks that the user owns it


def provide_home() -> str:
    """Set ``HOME`` where nothing names a home folder, as for a bare uid in a container.

    Returns:
        The folder that stands in for it; empty where there is a home folder.

    Raises:
        MachineError: That folder belongs to somebody else.
    """
    if os.environ.get("HOME") == "":
        del os.environ["HOME"]
    try:
        Path.home()
    except RuntimeError:
        stand_in = Path(f"/tmp/ftwb-{os.getuid()}")  # noqa: S108 - it must be the user's own
    else:
        return ""
    stand_in.mkdir(mode=0o700, exist_ok=True)
    if stand_in.is_symlink() or stand_in.stat().st_uid != os.getuid():
        raise MachineError(f"no home folder, and {stand_in} is not yours; set HOME to one that is")
    os.environ["HOME"] = str(stand_in)
    return str(stand_in)


def is_writable(folder: Path) -> bool:
    """Whether a folder, or the nearest one above it that exists, can be written."""
    existing = next((above for above in (folder, *folder.parents) if above.exists()), folder)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def log_file() -> Path:
    """Where the workbench writes the tracebacks of unexpected errors."""
    return home().absolute() / "ftwb.log"


def own_probes() -> Path:
    """The folder of the user's own probes: ``mine.yaml``, its items, and chat ``packs/``."""
    return home().absolute() / "probes"


def presets() -> Path:
    """The folder of the shipped presets, in a wheel or in a checkout."""
    return _shipped("presets")


def themes() -> Path:
    """The folder of the shipped themes, in a wheel or in a checkout."""
    return _shipped("themes")


def shorten(path: Path) -> str:
    """A path with ``~`` for the home folder, so that recipes do not reveal their author's name."""
    absolute = path.expanduser().absolute()
    user = Path.home()
    return f"~/{absolute.relative_to(user)}" if absolute.is_relative_to(user) else str(absolute)


def _shipped(name: str) -> Path:
    installed = _PACKAGE / "assets" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
