"""The number formats of a run, decided once from the processor's capabilities and kept with it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    import torch

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

CPU_BF16 = "FTWB_CPU_BF16"
"""Environment variable that overrides whether CPUs count as fast at bfloat16: ``1`` or ``0``."""

_BF16_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Flags in /proc/cpuinfo (x86 and ARM) of CPUs with instructions for bfloat16 products."""

DTYPES_FILE = "dtypes.json"
_AUTOCAST_DTYPES = {"auto": "auto", "fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""The recipe's ``training.precision`` as names of torch's dtypes."""


@dataclass(frozen=True)
class RunDtypes:
    """The number formats of one run, as names of torch's dtypes.

    Attributes:
        weights: Of the base's weights in memory.
        autocast: Of matrix products in training.
    """

    weights: str
    autocast: str


def resolve_dtypes(run: RunFolder, recipe: Recipe, device: torch.device) -> RunDtypes:
    """The number formats of ``run``: decided and recorded at its first start, then read back.

    Worker, resumed worker and chat engine all use what is recorded here, so that they agree even on
    another machine.

    Raises:
        BadInputError: The record is unreadable.
        MachineError: The run folder is not writable.
    """
    file = run.path / DTYPES_FILE
    if run.files.is_file(file):
        return read_dtypes(run)
    dtypes = _decide(recipe, device)
    run.files.write_atomic(file, json.dumps(asdict(dtypes)))
    return dtypes


def read_dtypes(run: RunFolder) -> RunDtypes:
    """The number formats that ``run`` was started with.

    Raises:
        BadInputError: The record is missing or unreadable: the run never started, or an older
            ftwb wrote it.
    """
    file = run.path / DTYPES_FILE
    try:
        values = json.loads(run.files.read_text(file))
        return RunDtypes(weights=str(values["weights"]), autocast=str(values["autocast"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{run.id}: {DTYPES_FILE} is missing or unreadable, so its number formats are unknown; "
            "it never started, or an older ftwb wrote it: train it again"
        ) from error


def torch_dtype(name: str, device: torch.device) -> torch.dtype:
    """Torch's dtype of that name; ``auto`` is bfloat16 if ``device`` is fast at it, else float32.

    Raises:
        BadInputError: torch has no dtype of that name.
    """
    import torch

    if name == "auto":
        return torch.bfloat16 if fast_bfloat16(device) else torch.float32
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise BadInputError(f"torch has no dtype {name!r}")
    return dtype


def fast_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` has instructions for bfloat16 products; never decided by timing them."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if override := os.environ.get(CPU_BF16):
        return override == "1"
    return not _BF16_CPU_FLAGS.isdisjoint(_cpu_flags())


def _decide(recipe: Recipe, device: torch.device) -> RunDtypes:
    weights = recipe.model.dtype
    if recipe.strategy.trains_base_weights and weights == "auto":
        weights = "float32"  # small updates would be rounded away in bfloat16
    autocast = _AUTOCAST_DTYPES[recipe.training.precision]
    return RunDtypes(_dtype_name(weights, device), _dtype_name(autocast, device))


def _dtype_name(name: str, device: torch.device) -> str:
    return str(torch_dtype(name, device)).removeprefix("torch.")


def _cpu_flags() -> frozenset[str]:
    """Flags of the first processor; none where the system does not list them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return frozenset(next(flags, "").split())
