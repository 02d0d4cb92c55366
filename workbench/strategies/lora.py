"""LoRA: small low-rank matrices learn beside frozen weights (arXiv 2106.09685)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from workbench.core.errors import BadInputError, FtwbError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.low_rank import LowRankStrategy
from workbench.strategies.peft_base import as_peft
from workbench.strategies.targets import pick_targets

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.training import TrainingSection
    from workbench.retention.base import BaseContext

_MUTATING = {"pissa": "pissa_niter_16", "olora": "olora", "corda": "corda"}
"""Initialisations that take their start out of the base's own weights, in PEFT's words."""


class LoraStrategy(LowRankStrategy):
    """Train W + (alpha/r)·B·A with W frozen.

    PiSSA, OLoRA and CorDA start A and B from parts of W and leave the rest in W, so a model that is
    being trained no longer holds the base. What is saved is a plain LoRA of twice the rank, B·A
    minus its start, which gives the same model on the untouched base.
    """

    card: ClassVar[Card] = Card(
        title="LoRA",
        does="Adds two thin matrices beside each chosen weight matrix and trains only those.",
        costs=(
            "The frozen base plus about 16 bytes per adapter parameter; a few megabytes on disk. "
            "A step is quicker than one of full fine-tuning: frozen weights get no gradients. "
            "CorDA's start first reads general text and splits every matrix: minutes, and memory "
            "for two more models."
        ),
        forgets=(
            "Not immune: PEFT's public benchmark has rank 32 at 1e-4 forgetting .050 nats/token, "
            "more than full fine-tuning at 1e-5 (.030); DoRA at rank 32 .051, rsLoRA at rank 64 "
            ".111, rank 10 on the MLP only .032. Learning rate and steps decide as much as rank."
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
    general_text: str = field(
        "preset:general",
        title="General text",
        help="For init corda: a file, a hub dataset id or preset:NAME with what is to be kept.",
        advanced=True,
        min_length=1,
    )
    general_rows: int = field(
        256,
        title="General rows",
        help="For init corda: rows of it that are read at most, the first ones.",
        unit="rows",
        advanced=True,
        ge=1,
        le=1_000_000,
    )

    @model_validator(mode="after")
    def _convertible(self) -> LoraStrategy:
        if self.use_dora and self.init_lora_weights in _MUTATING:
            raise ValueError(
                f"init_lora_weights {self.init_lora_weights} changes the base's weights, and with "
                "use_dora the result cannot be saved as an adapter of the untouched base; use "
                "init_lora_weights default"
            )
        return self

    @property
    def keeps_base(self) -> bool:
        """Not while training from an initialisation that takes weights out of the base."""
        return self.init_lora_weights not in _MUTATING

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse OLoRA on transposed matrices, and to take more out of a matrix than it has."""
        if self.init_lora_weights == "olora" and facts.transposed:
            raise BadInputError(
                f"strategy.init_lora_weights: olora does not work on {facts.model_type}, whose "
                "matrices are stored transposed; use pissa or default"
            )
        if not self.keeps_base:
            self._check_rank(facts)
        super().check(facts, training)

    def datasets(self) -> dict[str, str]:
        """Only CorDA reads any."""
        return {"general_text": self.general_text} if self.init_lora_weights == "corda" else {}

    def calibrate(self, context: BaseContext) -> None:
        """Let CorDA find what general text uses least."""
        if self.init_lora_weights == "corda":
            from workbench.strategies.layers.corda import find_least_used

            rows = context.general(self.general_text, self.general_rows)
            find_least_used(context, self.config(context.base), rows)

    def prepare(self, model: Module) -> Module:
        """Attach the adapter and, where the base was changed by it, remember its start."""
        from peft import get_peft_model_state_dict

        tuned: Any = super().prepare(model)
        if not self.keeps_base:
            start = get_peft_model_state_dict(tuned)
            tuned.adapter_start = {name: tensor.clone() for name, tensor in start.items()}
            tuned.active_peft_config.corda_config = None  # it is saved as a plain LoRA
        return tuned  # type: ignore[no-any-return]

    def save(self, model: Module, folder: Path) -> None:
        """Write an adapter for the untouched base, whatever the initialisation was."""
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

    def disabled_adapter(self, model: Module) -> AbstractContextManager[None]:
        """Switch the adapter off: the frozen base answers, bit for bit.

        Raises:
            FtwbError: The model is in training and its initialisation has changed the base.
        """
        if as_peft(model).active_peft_config.init_lora_weights in _MUTATING.values():
            raise FtwbError(
                f"with init_lora_weights {self.init_lora_weights} the model in training no longer "
                "holds the base: save it and load the result on the base"
            )
        return super().disabled_adapter(model)

    def _check_rank(self, facts: ModelFacts) -> None:
        names = pick_targets(self.target_modules, facts.linears())
        side, name = min((min(facts.features(name)), name) for name in names)
        if self.r > side:
            raise BadInputError(
                f"strategy.r: init_lora_weights {self.init_lora_weights} starts from {self.r} "
                f"directions of each matrix, and {name} has {side}; lower the rank or use "
                "init_lora_weights default"
            )

    def _start(self) -> dict[str, Any]:
        if self.keeps_base:
            return super()._start()
        words: dict[str, Any] = {"init_lora_weights": _MUTATING[self.init_lora_weights]}
        if self.init_lora_weights == "corda":
            from peft.tuners.lora.config import CordaConfig

            words["corda_config"] = CordaConfig(corda_method="kpm")
        return words
