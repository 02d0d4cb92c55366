"""Prompt tuning: a few learned embeddings in front of the input (arXiv 2104.08691)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.soft_prompt import SoftPromptStrategy, prompt_config

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts


class PromptTuningStrategy(SoftPromptStrategy):
    """Train embeddings of virtual tokens, started from real ones."""

    card: ClassVar[Card] = Card(
        title="Prompt tuning",
        does="Puts a few learned tokens in front of every input; no weight of the model moves.",
        costs=(
            "A few thousand parameters and kilobytes on disk, but the backward pass still runs "
            "through the whole model, every input grows by the virtual tokens, and it needs far "
            "higher learning rates and more steps than LoRA."
        ),
        forgets=(
            "Nothing once detached. While attached it steers every answer: PEFT's public benchmark "
            "has it forgetting .145 nats/token when started from the vocabulary, several times "
            "that from random starts, which are not offered here."
        ),
    )

    kind: Literal["prompt_tuning"] = field(
        "prompt_tuning", title="Strategy", help="Learned tokens before the input."
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """One embedding a virtual token."""
        return self.num_virtual_tokens * facts.hidden_size

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """Start from real tokens' embeddings."""
        return prompt_config(
            model,
            self.num_virtual_tokens,
            self.prompt_tuning_init_text if self.prompt_tuning_init == "text" else None,
        )
