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

    from workbench.retention.base import BaseContext, GeneralRow

_PARTS = ("S_WC", "U_WC", "V_WC")


def find_least_used(context: BaseContext, config: LoraConfig, rows: Sequence[GeneralRow]) -> None:
    """Leave on each targeted matrix of the base the ``r`` directions that PEFT will start from."""
    modules: dict[str, Any] = {
        name: context.base.get_submodule(name) for name in sorted(config.target_modules or ())
    }

    def find() -> dict[str, Tensor]:
        preprocess_corda(context.base, config, lambda: _read(context, rows))
        return {
            f"{name}.{part}": getattr(module.eigens, part)
            for name, module in modules.items()
            for part in _PARTS
        }

    tokens = [row.input_ids for row in rows]
    found = context.cached("corda", find, tokens, config.r, list(modules))
    for name, module in modules.items():
        module.eigens = CordaEigens(**{part: found[f"{name}.{part}"] for part in _PARTS})


@torch.no_grad()
def _read(context: BaseContext, rows: Sequence[GeneralRow]) -> None:
    """Show the base one row after the other: PEFT's hooks take no batches, and no padding."""
    batches = context.batches(rows, 1)
    for done, batch in enumerate(batches, 1):
        context.logits(context.base, batch)
        context.report("covariances of general text", done, len(batches))
    context.report("directions that general text uses least", 0, 0)
