"""The base class of strategies that move the base's own weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.recipe.base import field
from workbench.strategies.base import Strategy

if TYPE_CHECKING:
    import torch
    from torch.nn import Module

    from workbench.strategies.base import DeltaKind


class WholeWeightsStrategy(Strategy):
    """Trains tensors of the base in float32, and saves them in the number format of its files."""

    trains_base_weights: ClassVar[bool] = True

    save_dtype: Literal["base", "float32", "bfloat16", "float16"] = field(
        "base",
        title="Saved as",
        help="Number format of the result; what is measured is the result as it is saved.",
        choices={
            "base": "that of the base's files",
            "float32": "4 bytes per parameter, as it was trained",
            "bfloat16": "2 bytes per parameter, range of float32, 3 significant digits",
            "float16": "2 bytes per parameter, 4 significant digits, small range",
        },
        advanced=True,
    )

    @property
    def delta_kind(self) -> DeltaKind:
        """``weights``: the base's own tensors change."""
        return "weights"

    def finish(self, model: Module) -> Module:
        """Round what was trained to the numbers that are saved."""
        import torch

        dtype = self.saved_dtype(model)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.copy_(parameter.to(dtype))
        return model

    def saved_dtype(self, model: Module) -> torch.dtype:
        """The number format of the result of ``model``."""
        import torch

        if self.save_dtype != "base":
            named: torch.dtype = getattr(torch, self.save_dtype)
            return named
        own: torch.dtype = next(model.parameters()).dtype
        stored: torch.dtype = getattr(model, "stored_dtype", own)
        return stored
