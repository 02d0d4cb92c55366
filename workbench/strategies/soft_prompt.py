"""The base class of the three soft prompts: learned tokens in front of every input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.strategies.peft_base import PeftStrategy

if TYPE_CHECKING:
    from peft import PromptTuningConfig
    from torch import Tensor
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.training import TrainingSection


class SoftPromptStrategy(PeftStrategy):
    """Train virtual tokens: attached, they steer every answer; detached, the base is back."""

    num_virtual_tokens: int = field(
        20,
        title="Virtual tokens",
        help="How many learned tokens are put in front; each occupies a position of the context.",
        unit="tokens",
        ge=1,
        le=4096,
    )
    prompt_tuning_init: Literal["sample_vocab", "text"] = field(
        "sample_vocab",
        title="Start from",
        help="What the virtual tokens are before training.",
        choices={
            "sample_vocab": "random tokens of the vocabulary",
            "text": "the tokens of a text",
        },
    )
    prompt_tuning_init_text: str = field(
        "Answer the user's question helpfully and precisely.",
        title="Start from text",
        help="The text to start from, repeated or truncated to the number of virtual tokens.",
        min_length=1,
    )

    def virtual_tokens(self) -> int:
        """All of them occupy context."""
        return self.num_virtual_tokens

    @property
    def initial_text(self) -> str | None:
        """The text to start from; None to start from the vocabulary."""
        return self.prompt_tuning_init_text if self.prompt_tuning_init == "text" else None

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse virtual tokens that fill the whole context."""
        if facts.context and self.num_virtual_tokens >= facts.context:
            raise BadInputError(
                f"strategy.num_virtual_tokens: {self.num_virtual_tokens:,} leave no room in a "
                f"context of {facts.context:,}; lower it"
            )
        super().check(facts, training)


def initial_embeddings(model: PreTrainedModel, tokens: int, text: str | None) -> Tensor:
    """Embeddings of real tokens to start from, float32 ``[tokens, hidden]``.

    Args:
        model: The base, loaded from a folder that contains its tokenizer.
        tokens: The number of virtual tokens.
        text: The text they come from; None draws them from the vocabulary.
    """
    from peft import PromptEmbedding

    config = prompt_config(model, tokens, text)
    config.num_transformer_submodules = 1
    config.token_dim = model.config.get_text_config().hidden_size
    embedding_type: Any = PromptEmbedding
    weight: Tensor = embedding_type(config, model.get_input_embeddings()).embedding.weight
    return weight.detach()


def prompt_config(model: PreTrainedModel, tokens: int, text: str | None) -> PromptTuningConfig:
    """PEFT's prompt tuning config, starting from ``text`` or from the vocabulary."""
    from peft import PromptTuningConfig

    return PromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=tokens,
        prompt_tuning_init="SAMPLE_VOCAB" if text is None else "TEXT",
        prompt_tuning_init_text=text,
        tokenizer_name_or_path=None if text is None else model.name_or_path,
    )
