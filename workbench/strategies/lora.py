"""LoRA: small low-rank matrices learn beside frozen weights (arXiv 2106.09685)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.errors import BadInputError
from workbench.recipe.parts import Card
from workbench.recipe.section import field
from workbench.recipe.strategy import Strategy
from workbench.strategies.targets import pick_targets

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from peft import PeftModel
    from torch.nn import Module

    from workbench.recipe.facts import ModelFacts


class LoraStrategy(Strategy):
    """Train W + (alpha/r)·B·A with W frozen; the result is a PEFT adapter folder."""

    card: ClassVar[Card] = Card(
        title="LoRA",
        does="Adds two thin matrices beside each chosen weight matrix and trains only those.",
        costs=(
            "The frozen base plus about 16 bytes per adapter parameter; a few megabytes on disk. "
            "A step takes about two thirds of the time of full fine-tuning."
        ),
        forgets=(
            "Not immune: PEFT's public benchmark has rank 32 at 1e-4 forgetting .050 nats/token, "
            "more than full fine-tuning at 1e-5. Learning rate and steps decide as much as rank."
        ),
    )
    trains_base_weights: ClassVar[bool] = False

    kind: Literal["lora"] = field("lora", title="Strategy", help="Low-rank adapters, base frozen.")
    r: int = field(
        8, title="Rank", help="Width of the two thin matrices; more can learn more.", ge=1, le=4096
    )
    alpha: int = field(
        16, title="Alpha", help="The update is scaled by alpha / rank.", ge=1, le=65536
    )
    dropout: float = field(
        0.0, title="Dropout", help="Share of the adapter's inputs dropped in training.", ge=0, lt=1
    )
    targets: Literal["all-linear", "attention", "mlp"] | tuple[str, ...] = field(
        "all-linear",
        title="Targets",
        help="Which matrices get an adapter: all-linear, attention, mlp, or names such as q_proj.",
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """Sum r·(rows + columns) over the targeted matrices."""
        linears = facts.linears()
        return sum(self.r * sum(linears[name]) for name in pick_targets(self.targets, linears))

    def prepare(self, model: Module) -> Module:
        """Freeze the base and attach the adapter through PEFT."""
        from peft import LoraConfig, get_peft_model

        from workbench.strategies.targets import linear_modules

        names = pick_targets(self.targets, linear_modules(model))
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=self.r,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=sorted(names),
        )
        tuned: Module = get_peft_model(model, config)
        return tuned

    def save(self, model: Module, folder: Path) -> None:
        """Write the adapter as PEFT does: adapter_model.safetensors and adapter_config.json."""
        _peft(model).save_pretrained(str(folder))

    def load(self, base: Module, folder: Path) -> Module:
        """Attach the adapter from ``folder`` to ``base``."""
        from peft import PeftModel

        tuned: Module = PeftModel.from_pretrained(base, str(folder))
        return tuned

    def without(self, model: Module) -> AbstractContextManager[None]:
        """Switch the adapter off: the frozen base answers, bit for bit."""
        context: AbstractContextManager[None] = _peft(model).disable_adapter()
        return context


def _peft(model: Module) -> PeftModel:
    from peft import PeftModel

    if not isinstance(model, PeftModel):
        raise BadInputError("this model carries no LoRA adapter")
    return model
