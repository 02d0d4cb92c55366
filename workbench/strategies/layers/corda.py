"""The start of CorDA: the directions of each matrix that general text uses least.

Knowledge-preserving CorDA (arXiv 2406.05223, section 3.2) takes the singular value decomposition of
W·C, where C is the covariance of the inputs of W on general text, and trains the weakest
directions, multiplied by the inverse of C. PEFT does the arithmetic; this module feeds it and
caches what it finds as safetensors.
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
    """Attach to each targeted matrix of the base the ``r`` directions that PEFT starts from."""
    modules: dict[str, Any] = {
        name: context.base.get_submodule(name) for name in sorted(config.target_modules or ())
    }

    def decompose() -> dict[str, Tensor]:
        preprocess_corda(context.base, config, lambda: _read(context, rows))
        return {
            f"{name}.{part}": getattr(module.eigens, part)
            for name, module in modules.items()
            for part in _PARTS
        }

    tokens = [row.input_ids for row in rows]
    eigens = context.cached("corda", decompose, tokens, config.r, list(modules))
    for name, module in modules.items():
        module.eigens = CordaEigens(**{part: eigens[f"{name}.{part}"] for part in _PARTS})


@torch.no_grad()
def _read(context: BaseContext, rows: Sequence[GeneralRow]) -> None:
    """Run the base over one row at a time: PEFT's hooks accept neither batches nor padding."""
    batches = context.batches(rows, 1)
    for done, batch in enumerate(batches, 1):
        context.logits(context.base, batch)
        context.report("covariances of general text", done, len(batches))
    context.report("directions that general text uses least", 0, 0)
