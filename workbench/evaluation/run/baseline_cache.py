"""Results of the untouched base: measured once per machine, and copied into every run."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from workbench.core import files, locations
from workbench.core.errors import BadInputError, MachineError
from workbench.core.store import build_once
from workbench.evaluation.report import Measurement, Noise
from workbench.evaluation.suites.items import ItemResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from workbench.core.progress import ProgressCallback

BASELINE_VERSION = 2
"""Version of the baseline cache.

Raise it whenever the same settings would give other results: when a change in the code alters what
is asked, how it is rendered, batched or generated, how it is scored, or how the results are stored.
Changes to a suite's files need no new version: their items are part of the key.
"""

_RESULTS, _ITEMS = "results.json", "items.json"
_GENERAL, _TASK = "general.safetensors", "task.safetensors"


class BaselineResults(BaseModel):
    """Answers and scores of the base.

    Attributes:
        key: The :func:`baseline_key` they were measured under.
        measurement: What the base did.
        noise: The base measured again in batches of another size; None if that was not done.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    measurement: Measurement
    noise: Noise | None = None


class _Items(BaseModel):
    items: tuple[ItemResult, ...]


@dataclass(frozen=True)
class Baseline:
    """Results of the base, and its predictions on text.

    Attributes:
        results: Answers and scores.
        general: Predictions on general text, as :meth:`TextEvaluator.base_predictions` returns
            them; empty without any.
        task: Predictions on held-out rows of the dataset; empty without any.
    """

    results: BaselineResults
    general: dict[str, Tensor]
    task: dict[str, Tensor]


def baseline_key(
    fingerprint: Tensor, settings: Mapping[str, object], version: int = BASELINE_VERSION
) -> str:
    """Cache key of a base's results: its logits, everything it is asked, and the cache version.

    Args:
        fingerprint: Logits of the base on fixed prompts.
        settings: Everything that decides what the base answers, as plain JSON values by name.
        version: Version of the cache; see :data:`BASELINE_VERSION`.
    """
    digest = hashlib.sha256(fingerprint.numpy().tobytes())
    digest.update(json.dumps([version, settings], sort_keys=True).encode())
    return digest.hexdigest()[:32]


def cached_baseline(
    folder: Path, key: str, measure: Callable[[], Baseline], report: ProgressCallback
) -> Baseline:
    """The baseline under ``key``: from ``folder``, from this machine's cache, or measured now.

    In every case ``folder`` holds a copy afterwards.

    Raises:
        MachineError: The disk is full or cannot be written.
    """
    if stored := _read_if_current(folder, key):
        return stored
    cached = build_once(
        locations.cache() / "base" / key, lambda target: _write(measure(), target), report
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (_GENERAL, _TASK, _RESULTS):
            shutil.copy(cached / name, folder / name)
    except OSError as error:
        raise MachineError(f"{folder}: the base's results cannot be stored: {error}") from error
    baseline = _read_if_current(folder, key)
    if baseline is None:
        raise MachineError(
            f"{cached}: the cached results of the base are broken; remove the folder"
        )
    return baseline


def cached_items(
    key: str, measure: Callable[[], Sequence[ItemResult]], report: ProgressCallback
) -> tuple[ItemResult, ...]:
    """The base's results on some items: from this machine's cache, or measured now.

    Raises:
        MachineError: The disk is full or cannot be written, or the cache is broken.
    """

    def write(folder: Path) -> None:
        files.write_atomic(folder / _ITEMS, _Items(items=tuple(measure())).model_dump_json())

    cached = build_once(locations.cache() / "base" / key, write, report)
    try:
        return _Items.model_validate_json((cached / _ITEMS).read_bytes()).items
    except (OSError, ValidationError) as error:
        raise MachineError(
            f"{cached}: the cached results of the base are broken; remove the folder"
        ) from error


def read_baseline(folder: Path) -> Baseline | None:
    """The baseline in a run's ``base/`` folder; None if it is missing or unreadable."""
    try:
        results = BaselineResults.model_validate_json((folder / _RESULTS).read_bytes())
        return Baseline(results, load_file(folder / _GENERAL), load_file(folder / _TASK))
    except (OSError, ValidationError, SafetensorError):
        return None


def _read_if_current(folder: Path, key: str) -> Baseline | None:
    baseline = read_baseline(folder)
    return baseline if baseline is not None and baseline.results.key == key else None


def _write(baseline: Baseline, folder: Path) -> None:
    _refuse_nonfinite_loss(baseline.results.measurement)
    try:
        save_file(baseline.general, folder / _GENERAL)
        save_file(baseline.task, folder / _TASK)
    except SafetensorError as error:
        raise MachineError(f"{folder}: cannot be written: {error}") from error
    files.write_atomic(folder / _RESULTS, baseline.results.model_dump_json(indent=1))


def _refuse_nonfinite_loss(measurement: Measurement) -> None:
    losses = [text.nll for text in (*measurement.general, *measurement.task)]
    if measurement.heldout_nll is not None:
        losses.append(measurement.heldout_nll)
    if not all(map(math.isfinite, losses)):
        raise BadInputError(
            "the untouched base has a loss that is not finite: its weights are broken, or "
            "model.dtype cannot hold them; try model.dtype=float32"
        )
