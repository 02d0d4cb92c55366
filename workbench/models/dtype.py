"""Number formats of a run: decided once from what the processor can do, then kept with the run."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import files
from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    import torch

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

CPU_BF16 = "FTWB_CPU_BF16"
"""Environment variable that says whether the CPU is fast at bfloat16: 1 or 0."""

_FAST_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Flags of /proc/cpuinfo (x86 and ARM) with which a CPU multiplies bfloat16 natively."""

_FILE = "dtypes.json"
_AUTOCAST = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass(frozen=True)
class RunDtypes:
    """Number formats of one run, as names of torch's dtypes.

    Attributes:
        weights: How the base's weights are held in memory.
        products: In which format matrices are multiplied while training.
    """

    weights: str
    products: str


def settle_dtypes(run: RunFolder, recipe: Recipe, device: torch.device) -> RunDtypes:
    """Decide the number formats of ``run`` on its first start; later starts keep them.

    Worker, resumed worker and chat engine all read what is written here, so they never differ,
    on whatever machine they run.

    Raises:
        MachineError: The run folder cannot be written.
    """
    file = run.path / _FILE
    if file.is_file():
        return run_dtypes(run)
    dtypes = _resolve(recipe, device)
    files.write_atomic(file, json.dumps(asdict(dtypes)))
    return dtypes


def run_dtypes(run: RunFolder) -> RunDtypes:
    """The number formats that ``run`` was started with.

    Raises:
        BadInputError: They are missing or unreadable: the run never started, or it was written by
            an older ftwb.
    """
    file = run.path / _FILE
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return RunDtypes(weights=str(values["weights"]), products=str(values["products"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{run.id}: {_FILE} is missing or unreadable, so its number formats are unknown; "
            "an older ftwb may have written this run: train it again"
        ) from error


def torch_dtype(name: str, device: torch.device) -> torch.dtype:
    """Torch's dtype of that name; ``auto`` is bfloat16 where ``device`` multiplies it fast.

    Raises:
        BadInputError: torch has no dtype of that name.
    """
    import torch

    if name == "auto":
        return torch.bfloat16 if fast_bfloat16(device) else torch.float32
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise BadInputError(f"model.dtype: torch has no dtype {name!r}")
    return dtype


def fast_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` has instructions for bfloat16 products; never decided by timing them."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if forced := os.environ.get(CPU_BF16):
        return forced == "1"
    return not _FAST_CPU_FLAGS.isdisjoint(_cpu_flags())


def _resolve(recipe: Recipe, device: torch.device) -> RunDtypes:
    wanted = recipe.model.dtype
    if recipe.strategy.trains_base_weights and wanted == "auto":
        wanted = "float32"
    products = _AUTOCAST.get(recipe.training.precision, "auto")
    return RunDtypes(_name(wanted, device), _name(products, device))


def _name(wanted: str, device: torch.device) -> str:
    return str(torch_dtype(wanted, device)).removeprefix("torch.")


def _cpu_flags() -> frozenset[str]:
    """Flags of the first processor; none where the system does not list them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return frozenset(next(flags, "").split())
