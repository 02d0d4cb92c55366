"""The base class of LoRA and QLoRA: two thin matrices beside frozen ones (arXiv 2106.09685)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from workbench.recipe.base import field
from workbench.strategies.delta import LowRankDelta
from workbench.strategies.peft_base import PeftStrategy, as_peft
from workbench.strategies.targets import TARGETS_SYNTAX, Targets, linear_modules, pick_targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peft import LoraConfig
    from peft.tuners.lora import LoraLayer
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts
    from workbench.strategies.base import DeltaKind


class LowRankStrategy(PeftStrategy):
    """Train W + (alpha/r)·B·A with W frozen; the result is a PEFT adapter folder."""

    r: int = field(
        8,
        title="Rank",
        help="Width of the two thin matrices; a higher rank can learn more.",
        ge=1,
        le=4096,
    )
    lora_alpha: int = field(
        16, title="Alpha", help="The update is scaled by alpha / rank.", ge=1, le=65536
    )
    lora_dropout: float = field(
        0.0,
        title="Dropout",
        help="Share of the adapter's inputs dropped while training.",
        ge=0,
        lt=1,
    )
    target_modules: Targets = field(
        "all-linear",
        title="Targets",
        help=f"Which matrices get an adapter: {TARGETS_SYNTAX}.",
    )
    init_lora_weights: Literal["default", "gaussian"] = field(
        "default",
        title="Initialisation",
        help="How A starts; B starts at zero, so that the model starts as the base.",
        choices={
            "default": "random, Kaiming uniform",
            "gaussian": "random, normal with a deviation of 1 / rank",
        },
        advanced=True,
    )
    use_rslora: bool = field(
        False,
        title="rsLoRA",
        help="Scale by alpha / sqrt(rank), so that high ranks keep learning (arXiv 2312.03732).",
        advanced=True,
    )
    use_dora: bool = field(
        False,
        title="DoRA",
        help="Learn the norm of every output column separately from its direction: a little "
        "better at low rank, slower (arXiv 2402.09353).",
        advanced=True,
    )
    loraplus_lr_ratio: float = field(
        1.0,
        title="LoRA+ ratio",
        help="Learning rate of B over that of A; the paper recommends 16 with a lower learning "
        "rate (arXiv 2402.12354).",
        advanced=True,
        ge=1,
        le=1000,
    )

    @property
    def delta_kind(self) -> DeltaKind:
        """``low_rank``, unless DoRA rescales the matrix as well."""
        return "other" if self.use_dora else "low_rank"

    def module_deltas(self, model: Module) -> Mapping[str, LowRankDelta] | None:
        """One low-rank product per adapted matrix; None if the adapter does more than add them."""
        from peft.tuners.lora import LoraLayer
        from peft.tuners.tuners_utils import BaseTunerLayer
        from peft.utils.other import AuxiliaryTrainingWrapper

        deltas = {}
        for name, layer in as_peft(model).get_base_model().named_modules():
            if isinstance(layer, AuxiliaryTrainingWrapper):
                return None
            if isinstance(layer, BaseTunerLayer):
                if not isinstance(layer, LoraLayer) or not _only_adds_product(layer):
                    return None
                deltas[name] = _delta_of(layer)
        return deltas or None

    @property
    def trains_added_rows(self) -> bool:
        """Beside the low-rank matrices."""
        return True

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """Sum of r·(inputs + outputs) over the targeted matrices; DoRA adds one norm an output."""
        names = pick_targets(self.target_modules, facts.linears())
        shapes = [facts.features(name) for name in names]
        return sum(
            self.r * (inputs + outputs) + self.use_dora * outputs for inputs, outputs in shapes
        )

    def config(self, model: PreTrainedModel) -> LoraConfig:
        """A LoRA config that lists every targeted matrix by its full name."""
        from peft import LoraConfig

        from workbench.models.embedding import added_rows

        return LoraConfig(
            task_type="CAUSAL_LM",
            r=self.r,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            target_modules=sorted(pick_targets(self.target_modules, linear_modules(model))),
            use_rslora=self.use_rslora,
            use_dora=self.use_dora,
            trainable_token_indices=added_rows(model) or None,
            **self.initialisation(),
        )

    def initialisation(self) -> dict[str, Any]:
        """The fields of PEFT's config that decide how A and B start."""
        default = self.init_lora_weights == "default"
        return {"init_lora_weights": True if default else self.init_lora_weights}

    def parameter_groups(
        self, model: Module, learning_rate: float, weight_decay: float
    ) -> list[dict[str, Any]] | None:
        """LoRA+: B learns ``loraplus_lr_ratio`` times faster than A and DoRA's norms."""
        if self.loraplus_lr_ratio == 1:
            return None
        trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        return [
            {
                "params": [p for name, p in trainable if ("lora_B" in name) == is_b],
                "lr": learning_rate * (self.loraplus_lr_ratio if is_b else 1),
                "weight_decay": weight_decay,
            }
            for is_b in (False, True)
        ]


def _only_adds_product(layer: LoraLayer) -> bool:
    """Whether a layer only adds s·B·A·x to the output of a matrix."""
    from peft.tuners.lora import ParamWrapper

    if isinstance(layer, ParamWrapper):
        return False
    extras = layer.lora_embedding_A or layer.lora_variant or any(layer.lora_bias.values())
    return not extras and len(layer.lora_A) == 1 and len(layer.active_adapters) == 1


def _delta_of(layer: LoraLayer) -> LowRankDelta:
    (adapter,) = layer.active_adapters
    lora_a: Any = layer.lora_A[adapter].weight
    lora_b: Any = layer.lora_B[adapter].weight
    return LowRankDelta(lora_a.detach(), lora_b.detach(), float(layer.scaling[adapter]))
