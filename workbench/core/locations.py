"""Every path ftwb uses, in one place."""

from __future__ import annotations

import os
import socket
from pathlib import Path

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
    existing = next((folder for folder in (state, *state.parents) if folder.is_dir()), None)
    if existing and state.is_absolute() and os.access(existing, os.W_OK | os.X_OK):
        return state / "queue" / socket.gethostname()
    return Path(f"/tmp/ftwb-{os.getuid()}")  # noqa: S108 - the queue checks that the user owns it


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
