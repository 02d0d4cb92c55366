"""What CorDA has to know before it starts: the directions that general text uses least.

Knowledge-preserving CorDA (arXiv 2406.05223, section 3.2) splits each matrix W times the covariance
C of its inputs by singular values, and trains the weakest directions, taken back by the inverse
of C. PEFT does the arithmetic; here it is fed, and what it finds is kept as safetensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from peft.tuners.lora.corda import CordaEigens, preprocess_corda

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peft import LoraConfig
    from torch import Tensor

    from workbench.retention.base import GeneralRow, Scene

_PARTS = ("S_WC", "U_WC", "V_WC")


def find_least_used(scene: Scene, config: LoraConfig, rows: Sequence[GeneralRow]) -> None:
    """Leave on each targeted matrix of the base the ``r`` directions that PEFT will start from."""
    modules: dict[str, Any] = {
        name: scene.base.get_submodule(name) for name in sorted(config.target_modules or ())
    }

    def find() -> dict[str, Tensor]:
        preprocess_corda(scene.base, config, lambda: _read(scene, rows))
        return {
            f"{name}.{part}": getattr(module.eigens, part)
            for name, module in modules.items()
            for part in _PARTS
        }

    tokens = [row.input_ids for row in rows]
    found = scene.cached("corda", find, tokens, config.r, list(modules))
    for name, module in modules.items():
        module.eigens = CordaEigens(**{part: found[f"{name}.{part}"] for part in _PARTS})


@torch.no_grad()
def _read(scene: Scene, rows: Sequence[GeneralRow]) -> None:
    """Show the base one row after the other: PEFT's hooks take no batches, and no padding."""
    batches = scene.batches(rows, 1)
    for done, batch in enumerate(batches, 1):
        scene.logits(scene.base, batch)
        scene.report("covariances of general text", done, len(batches))
    scene.report("directions that general text uses least", 0, 0)
