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
    """Train embeddings of virtual tokens, starting from those of real tokens."""

    card: ClassVar[Card] = Card(
        title="Prompt tuning",
        does="Puts a few learned tokens in front of every input; no weight of the model moves.",
        costs=(
            "A few thousand parameters and kilobytes on disk, but the backward pass still runs "
            "through the whole model, every input grows by the virtual tokens, and it needs far "
            "higher learning rates and more steps than LoRA."
        ),
        forgets=(
            "Nothing once detached. While attached it steers every answer: in PEFT's public "
            "benchmark it forgets .145 nats/token when it starts from the vocabulary, and several "
            "times that from random values, which are not offered here."
        ),
    )
    risk_points: ClassVar[float] = 0.4

    kind: Literal["prompt_tuning"] = field(
        "prompt_tuning", title="Strategy", help="Learned tokens in front of the input."
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """One embedding per virtual token."""
        return self.num_virtual_tokens * facts.hidden_size

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """A prompt tuning config that starts from embeddings of real tokens."""
        return prompt_config(model, self.num_virtual_tokens, self.initial_text)
