"""What the untouched base does: measured once on a machine, kept with every run."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

import workbench
from workbench.core import files, locations
from workbench.core.errors import BadInputError, MachineError
from workbench.evaluation.report.report import Measurement, Noise
from workbench.models.store import build_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from workbench.core.progress import ProgressCallback

_RESULTS = "results.json"
_GENERAL, _TASK = "general.safetensors", "task.safetensors"
_MEASURING = (
    "evaluation/**/*.py",
    "data/batching.py",
    "data/rendering.py",
    "data/templates.py",
    "retention/guards/divergence.py",
    "training/examination.py",
    "training/loss.py",
    "training/measuring.py",
    "training/target_rows.py",
    "training/texts.py",
)
"""Code that asks and scores, in the package."""


class BaselineResults(BaseModel):
    """The base's answers and scores.

    Attributes:
        key: Of all that was asked and of the base itself; equal keys, equal results.
        measurement: What it did.
        noise: What it does otherwise in batches of another size; None where that was not asked.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    measurement: Measurement
    noise: Noise | None = None


@dataclass(frozen=True)
class Baseline:
    """The base's results, and its predictions as :meth:`TextEvaluator.predictions` gives them.

    Attributes:
        results: Answers and scores.
        general: Predictions on general text; empty without any.
        task: Predictions on held-out rows of the dataset; empty without any.
    """

    results: BaselineResults
    general: dict[str, Tensor]
    task: dict[str, Tensor]


def baseline_key(fingerprint: Tensor, *of: Any) -> str:
    """Name the results of this base, by its logits, for equal ``of`` and by equal code."""
    digest = hashlib.sha256(fingerprint.numpy().tobytes())
    digest.update(json.dumps([_code(), *of]).encode())
    return digest.hexdigest()[:32]


def baseline(
    folder: Path, key: str, make: Callable[[], Baseline], report: ProgressCallback
) -> Baseline:
    """The evidence of ``key``: from ``folder``, from this machine's cache, or made now.

    Afterwards a copy stands in ``folder``, whatever it came from.

    Raises:
        MachineError: The disk is full or cannot be written.
    """
    kept = _read(folder, key)
    if kept is not None:
        return kept
    shelf = build_once(
        locations.cache() / "base" / key, lambda place: _write(make(), place), report
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (_GENERAL, _TASK, _RESULTS):
            shutil.copy(shelf / name, folder / name)
    except OSError as error:
        raise MachineError(f"{folder}: the base's results cannot be kept: {error}") from error
    found = _read(folder, key)
    if found is None:
        raise MachineError(f"{shelf}: what is kept of the base is broken; remove that folder")
    return found


def read_baseline(folder: Path) -> Baseline | None:
    """What is kept in a run's ``base/`` folder, None where nothing or nothing readable is."""
    try:
        results = BaselineResults.model_validate_json((folder / _RESULTS).read_bytes())
        return Baseline(results, load_file(folder / _GENERAL), load_file(folder / _TASK))
    except (OSError, ValidationError, SafetensorError):
        return None


def _read(folder: Path, key: str) -> Baseline | None:
    kept = read_baseline(folder)
    return kept if kept is not None and kept.results.key == key else None


def _write(made: Baseline, folder: Path) -> None:
    _refuse_broken(made.results.measurement)
    try:
        save_file(made.general, folder / _GENERAL)
        save_file(made.task, folder / _TASK)
    except SafetensorError as error:
        raise MachineError(f"{folder}: cannot be written: {error}") from error
    files.write_atomic(folder / _RESULTS, made.results.model_dump_json(indent=1))


def _refuse_broken(measurement: Measurement) -> None:
    losses = [text.nll for text in (*measurement.general, *measurement.task)]
    if measurement.heldout_nll is not None:
        losses.append(measurement.heldout_nll)
    if not all(map(math.isfinite, losses)):
        raise BadInputError(
            "the untouched base has a loss that is not finite: its weights are broken, or "
            "model.dtype cannot hold them"
        )


@cache
def _code() -> str:
    """A digest of the code that asks and scores, so that what other code found is not taken."""
    digest = hashlib.sha256()
    package = Path(workbench.__path__[0])
    for place in _MEASURING:
        for file in sorted(package.glob(place)):
            digest.update(file.read_bytes())
    return digest.hexdigest()
