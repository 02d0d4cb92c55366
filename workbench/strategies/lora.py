"""LoRA: small low-rank matrices learn beside frozen weights (arXiv 2106.09685)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from workbench.core.errors import BadInputError, FtwbError
from workbench.recipe.base import Source, field
from workbench.recipe.registry import Card
from workbench.strategies.low_rank import LowRankStrategy
from workbench.strategies.peft_base import as_peft
from workbench.strategies.targets import pick_targets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.training import TrainingSection
    from workbench.retention.base import BaseContext

_MUTATING = {"pissa": "pissa_niter_16", "olora": "olora", "corda": "corda"}
"""Initialisations that subtract their start from the base's own weights, by PEFT's names."""


class LoraStrategy(LowRankStrategy):
    """Train W + (alpha/r)·B·A with W frozen.

    PiSSA, OLoRA and CorDA start with A₀ and B₀ taken from W and train W - s·B₀·A₀ + s·B·A, so the
    model in training no longer contains the base. The result is saved as a plain LoRA of twice the
    rank, s·(B·A - B₀·A₀), which gives the same model on the untouched base.
    """

    card: ClassVar[Card] = Card(
        title="LoRA",
        does="Adds two thin matrices beside each chosen weight matrix and trains only those.",
        costs=(
            "The frozen base plus about 16 bytes per adapter parameter; a few megabytes on disk. "
            "A step is faster than with full fine-tuning, because frozen weights get no gradients. "
            "The CorDA initialisation first reads general text and decomposes every matrix: "
            "minutes, and the memory of two more models."
        ),
        forgets=(
            "Not immune: in PEFT's public benchmark rank 32 at 1e-4 forgets .050 nats/token, more "
            "than full fine-tuning at 1e-5 (.030); DoRA at rank 32 forgets .051, rsLoRA at rank 64 "
            ".111, rank 10 on the MLP only .032. Learning rate and steps matter as much as rank."
        ),
    )

    kind: Literal["lora"] = field("lora", title="Strategy", help="Low-rank adapters, base frozen.")
    init_lora_weights: Literal["default", "gaussian", "pissa", "olora", "corda"] = field(  # type: ignore[assignment]
        "default",
        title="Initialisation",
        help="How A and B start; all but default and gaussian take their start out of the base's "
        "weights.",
        choices={
            "default": "A random (Kaiming uniform), B zero",
            "gaussian": "A random (normal, deviation 1 / rank), B zero",
            "pissa": "each matrix's strongest directions (arXiv 2404.02948)",
            "olora": "orthonormal directions by QR (arXiv 2406.01775)",
            "corda": "directions general text uses least (arXiv 2406.05223)",
        },
        advanced=True,
    )
    general_text: Source = field(
        "preset:general",
        title="General text",
        help="Read by init corda: a file, a hub dataset id or preset:NAME with text to protect.",
        advanced=True,
    )
    general_rows: int = field(
        256,
        title="General rows",
        help="Read by init corda: at most this many rows, from the start of the text.",
        unit="rows",
        advanced=True,
        ge=1,
        le=1_000_000,
    )

    @model_validator(mode="after")
    def _can_be_converted(self) -> LoraStrategy:
        if self.use_dora and self.init_lora_weights in _MUTATING:
            raise ValueError(
                f"init_lora_weights {self.init_lora_weights} changes the base's weights, and with "
                "use_dora the result cannot be saved as an adapter for the untouched base; use "
                "init_lora_weights default"
            )
        return self

    @property
    def keeps_base(self) -> bool:
        """False for initialisations that subtract their start from the base."""
        return self.init_lora_weights not in _MUTATING

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse OLoRA on transposed matrices, and ranks that exceed a matrix."""
        if self.init_lora_weights == "olora" and facts.transposed:
            raise BadInputError(
                f"strategy.init_lora_weights: olora does not work on {facts.model_type}, whose "
                "matrices are stored transposed; use pissa or default"
            )
        if not self.keeps_base:
            self._check_rank(facts)
        super().check(facts, training)

    def datasets(self) -> dict[str, str]:
        """The general text, which only CorDA reads."""
        return {"general_text": self.general_text} if self.init_lora_weights == "corda" else {}

    def calibrate(self, context: BaseContext) -> None:
        """Let CorDA find the directions that general text uses least."""
        if self.init_lora_weights == "corda":
            from workbench.strategies.layers.corda import find_least_used

            rows = context.general_rows(self.general_text, self.general_rows)
            find_least_used(context, self.config(context.base), rows)

    def prepare(self, model: Module) -> Module:
        """Attach the adapter and, if that changed the base, remember A₀ and B₀."""
        from peft import get_peft_model_state_dict

        tuned: Any = super().prepare(model)
        if not self.keeps_base:
            start = get_peft_model_state_dict(tuned)
            tuned.adapter_start = {name: tensor.clone() for name, tensor in start.items()}
            tuned.active_peft_config.corda_config = None  # the result is saved as a plain LoRA
        return tuned  # type: ignore[no-any-return]

    def save(self, model: Module, folder: Path) -> None:
        """Write an adapter for the untouched base, whatever the initialisation."""
        if self.keeps_base:
            super().save(model, folder)
            return
        from safetensors.torch import save_file

        start: dict[str, Tensor] = as_peft(model).adapter_start
        with TemporaryDirectory() as initial:
            save_file(start, Path(initial) / "adapter_model.safetensors")
            as_peft(model).save_pretrained(
                str(folder), path_initial_model_for_weight_conversion=initial
            )

    def result_tensors(self, model: Module) -> Mapping[str, Tensor]:
        """The adapter's A and B; of a model that started elsewhere, [A; A₀] and [B, -B₀]."""
        import torch

        tensors = super().result_tensors(model)
        start: dict[str, Tensor] = getattr(model, "adapter_start", {})
        return {
            name: torch.cat([tensor, start[name]])
            if name in start and "lora_A" in name
            else torch.cat([tensor, -start[name]], dim=1)
            if name in start
            else tensor
            for name, tensor in tensors.items()
        }

    def disabled_adapter(self, model: Module) -> AbstractContextManager[None]:
        """Switch the adapter off: the frozen base answers, bit for bit.

        Raises:
            FtwbError: The model is in training and its initialisation changed the base.
        """
        if as_peft(model).active_peft_config.init_lora_weights in _MUTATING.values():
            raise FtwbError(
                f"with init_lora_weights {self.init_lora_weights} the model in training no longer "
                "contains the base; save it and load the result on the base"
            )
        return super().disabled_adapter(model)

    def _check_rank(self, facts: ModelFacts) -> None:
        names = pick_targets(self.target_modules, facts.linears())
        side, name = min((min(facts.features(name)), name) for name in names)
        if self.r > side:
            raise BadInputError(
                f"strategy.r: init_lora_weights {self.init_lora_weights} starts from {self.r} "
                f"directions of each matrix, but {name} has {side}; lower the rank or use "
                "init_lora_weights default"
            )

    def initialisation(self) -> dict[str, Any]:
        """The fields of PEFT's config that decide how A and B start."""
        if self.keeps_base:
            return super().initialisation()
        fields: dict[str, Any] = {"init_lora_weights": _MUTATING[self.init_lora_weights]}
        if self.init_lora_weights == "corda":
            from peft.tuners.lora.config import CordaConfig

            fields["corda_config"] = CordaConfig(corda_method="kpm")
        return fields
