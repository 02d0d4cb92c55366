"""On how many devices a run trains, and what each of them holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import Section, field

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe

Sharding = Literal["none", "full"]

_SPLIT = ("adamw_torch", "sgd")
"""Optimisers that take a step on a part of the weights."""


class DevicesSection(Section):
    """How many devices work on a run, a process each."""

    count: int = field(
        1,
        title="Devices",
        help="A process each, and each takes its own micro batches: a step learns micro batch x "
        "accumulation x devices rows. More than one machine has: start it with 'ftwb slurm'.",
        unit="devices",
        ge=1,
        le=1024,
    )
    sharding: Sharding = field(
        "none",
        title="Sharding",
        help="none: each device holds the whole model (DDP); full: weights, gradients and "
        "optimiser are split over them (FSDP2), and only the base's own weights must fit on one.",
        advanced=True,
    )

    def check(self, recipe: Recipe) -> None:
        """Refuse what cannot be split over devices.

        Raises:
            BadInputError: Naming it, and what to do instead.
        """
        if self.sharding == "none":
            return
        for wrong in filter(None, (self._alone(), _strategy(recipe), _training(recipe))):
            raise BadInputError(f"devices.sharding: {wrong}")
        for kind, protection in recipe.retention.active().items():
            if protection.needs_whole_weights:
                raise BadInputError(
                    f"devices.sharding: retention.{kind} needs each weight in one piece; use kl or "
                    "replay, or set sharding to none"
                )

    def _alone(self) -> str:
        return "" if self.count > 1 else "one device has nothing to split; set devices.count"


def _strategy(recipe: Recipe) -> str:
    strategy = recipe.strategy
    if strategy.quantization() is not None:
        return f"the 4-bit weights of {strategy.kind} cannot be split; set sharding to none"
    if strategy.delta_kind == "other":
        return (
            f"only weights of the base and LoRA's two factors can be split, and {strategy.kind} as "
            "set trains others; set sharding to none"
        )
    return ""


def _training(recipe: Recipe) -> str:
    training = recipe.training
    if training.optim not in _SPLIT:
        return f"the state of {training.optim} cannot be split; use {' or '.join(_SPLIT)}"
    if training.precision == "fp16":
        return "fp16 gradients cannot be scaled in parts; use bf16"
    return ""
