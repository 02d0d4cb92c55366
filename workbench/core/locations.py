"""Every path ftwb uses, in one place."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Where ftwb keeps what it must not lose: ``$FTWB_HOME`` or the platform's data folder."""
    if override := os.environ.get("FTWB_HOME"):
        return Path(override).expanduser()
    import platformdirs  # here, because the first paint has no time for it

    return platformdirs.user_data_path("ftwb")


def runs() -> Path:
    """Where runs live: ``$FTWB_RUNS_DIR``, or a folder of the home."""
    if override := os.environ.get("FTWB_RUNS_DIR"):
        return Path(override).expanduser().absolute()
    return home().absolute() / "runs"


def cache() -> Path:
    """Where ftwb keeps what it can make again, such as the converted demo model."""
    if override := os.environ.get("FTWB_CACHE"):
        return Path(override).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("ftwb")


def queue() -> Path:
    """Where the runs of this user on this machine queue for its devices: ``$FTWB_QUEUE``.

    Never beside the runs, which may lie on a network file system, and the same for every session,
    whatever its ``TMPDIR``. What is in it means nothing after a reboot.
    """
    if override := os.environ.get("FTWB_QUEUE"):
        return Path(override).expanduser().absolute()
    return Path(f"/tmp/ftwb-{os.getuid()}")  # noqa: S108 - the queue checks whose folder it is


def own_probes() -> Path:
    """Where the user's probes live: ``mine.yaml`` and its items, and ``packs/`` for the chat."""
    return home().absolute() / "probes"


def presets() -> Path:
    """The shipped presets, in a wheel or in a checkout."""
    return _shipped("presets")


def themes() -> Path:
    """The shipped themes, in a wheel or in a checkout."""
    return _shipped("themes")


def shorten(path: Path) -> str:
    """Write a path with ``~`` for the home folder, so that recipes do not name their author."""
    absolute = path.expanduser().absolute()
    user = Path.home()
    return f"~/{absolute.relative_to(user)}" if absolute.is_relative_to(user) else str(absolute)


def _shipped(name: str) -> Path:
    installed = _PACKAGE / "assets" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
