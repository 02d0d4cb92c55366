"""What LoRA and QLoRA share: two thin matrices beside frozen ones (arXiv 2106.09685)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from workbench.recipe.base import field
from workbench.strategies.peft_base import PeftStrategy, as_peft
from workbench.strategies.targets import Targets, linear_modules, pick_targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peft import LoraConfig, PeftModel
    from peft.tuners.lora import LoraLayer
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts
    from workbench.strategies.base import DeltaKind, ModuleDelta


class LowRankStrategy(PeftStrategy):
    """Train W + (alpha/r)·B·A with W frozen; the result is a PEFT adapter folder."""

    r: int = field(
        8, title="Rank", help="Width of the two thin matrices; more can learn more.", ge=1, le=4096
    )
    lora_alpha: int = field(
        16, title="Alpha", help="The update is scaled by alpha / rank.", ge=1, le=65536
    )
    lora_dropout: float = field(
        0.0, title="Dropout", help="Share of the adapter's inputs dropped in training.", ge=0, lt=1
    )
    target_modules: Targets = field(
        "all-linear",
        title="Targets",
        help=(
            "Which matrices get an adapter: all-linear, attention, mlp, names such as q_proj, or "
            "re: and a regular expression."
        ),
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
        help="Scale by alpha / sqrt(rank), which keeps high ranks learning (arXiv 2312.03732).",
        advanced=True,
    )
    use_dora: bool = field(
        False,
        title="DoRA",
        help="Learn the length of every output column apart from its direction: a little better "
        "at low rank, slower (arXiv 2402.09353).",
        advanced=True,
    )
    loraplus_lr_ratio: float = field(
        1.0,
        title="LoRA+ ratio",
        help="B learns this many times faster than A; 16 is the paper's choice, with a lower "
        "learning rate (arXiv 2402.12354).",
        advanced=True,
        ge=1,
        le=1000,
    )

    @property
    def delta_kind(self) -> DeltaKind:
        """A plain low-rank product, unless DoRA rescales the matrix as well."""
        return "other" if self.use_dora else "low_rank"

    def module_deltas(self, model: Module) -> Mapping[str, ModuleDelta] | None:
        """Every pair of matrices, unless DoRA rescales or PEFT did more than add."""
        from workbench.strategies.layers.delta import LowRank

        found = {} if self.use_dora else _pairs(as_peft(model))
        return {name: LowRank(*pair) for name, pair in found.items()} or None

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """Sum r·(inputs + outputs) over the targeted matrices; DoRA adds one number an output."""
        names = pick_targets(self.target_modules, facts.linears())
        shapes = [facts.features(name) for name in names]
        return sum(self.r * (given + made) + self.use_dora * made for given, made in shapes)

    def config(self, model: PreTrainedModel) -> LoraConfig:
        """Name every targeted matrix in full."""
        from peft import LoraConfig

        return LoraConfig(
            task_type="CAUSAL_LM",
            r=self.r,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            target_modules=sorted(pick_targets(self.target_modules, linear_modules(model))),
            use_rslora=self.use_rslora,
            use_dora=self.use_dora,
            **self._start(),
        )

    def parameter_groups(
        self, model: Module, learning_rate: float, weight_decay: float
    ) -> list[dict[str, Any]] | None:
        """LoRA+: A (and DoRA's lengths) at the learning rate, B at the ratio times it."""
        if self.loraplus_lr_ratio == 1:
            return None
        moving = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        second = [parameter for name, parameter in moving if "lora_B" in name]
        first = [parameter for name, parameter in moving if "lora_B" not in name]
        return [
            {"params": first, "lr": learning_rate, "weight_decay": weight_decay},
            {
                "params": second,
                "lr": learning_rate * self.loraplus_lr_ratio,
                "weight_decay": weight_decay,
            },
        ]

    def _start(self) -> dict[str, Any]:
        """The initialisation in PEFT's words."""
        return {
            "init_lora_weights": True
            if self.init_lora_weights == "default"
            else self.init_lora_weights
        }


def _pairs(model: PeftModel) -> dict[str, tuple[Tensor, Tensor, float]]:
    """A, B and scale by the name of the matrix they stand beside; none where that is not all."""
    from peft.tuners.lora import LoraLayer
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    pairs = {}
    for name, layer in model.get_base_model().named_modules():
        if isinstance(layer, AuxiliaryTrainingWrapper):
            return {}
        if isinstance(layer, BaseTunerLayer):
            if not isinstance(layer, LoraLayer) or not _is_plain(layer):
                return {}
            (adapter,) = layer.active_adapters
            first: Any = layer.lora_A[adapter].weight
            second: Any = layer.lora_B[adapter].weight
            pairs[name] = (first.detach(), second.detach(), float(layer.scaling[adapter]))
    return pairs


def _is_plain(layer: LoraLayer) -> bool:
    """Whether a layer only adds s·B·A to the output of a matrix."""
    from peft.tuners.lora import ParamWrapper

    if isinstance(layer, ParamWrapper):
        return False
    special = layer.lora_embedding_A or layer.lora_variant or any(layer.lora_bias.values())
    return not special and len(layer.lora_A) == 1 and len(layer.active_adapters) == 1
