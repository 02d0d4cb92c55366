"""What the three soft prompts share: learned tokens in front of every input, weights untouched."""

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
    """Train virtual tokens; attached they steer every answer, detached the base is back."""

    num_virtual_tokens: int = field(
        20,
        title="Virtual tokens",
        help="How many learned tokens stand in front; each takes a position of the context.",
        unit="tokens",
        ge=1,
        le=4096,
    )
    prompt_tuning_init: Literal["sample_vocab", "text"] = field(
        "sample_vocab",
        title="Start from",
        help="Tokens drawn from the vocabulary, or a text's own.",
    )
    prompt_tuning_init_text: str = field(
        "Answer the user's question helpfully and precisely.",
        title="Start from text",
        help="The text that 'text' starts from, repeated or cut to the number of virtual tokens.",
        min_length=1,
    )

    def virtual_tokens(self) -> int:
        """All of them lie in the context."""
        return self.num_virtual_tokens

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse more virtual tokens than leave room for a conversation."""
        if facts.context and self.num_virtual_tokens >= facts.context:
            raise BadInputError(
                f"strategy.num_virtual_tokens: {self.num_virtual_tokens:,} leave no room in a "
                f"context of {facts.context:,}"
            )
        super().check(facts, training)


def starting_embeddings(model: PreTrainedModel, tokens: int, text: str | None) -> Tensor:
    """Embeddings of real tokens to start from, float32 ``[tokens, hidden]``.

    Args:
        model: The base, loaded from a folder that holds its tokenizer.
        tokens: How many.
        text: Where they come from; None draws them from the vocabulary.
    """
    from peft import PromptEmbedding

    config = prompt_config(model, tokens, text)
    config.num_transformer_submodules = 1
    config.token_dim = model.config.get_text_config().hidden_size
    encoder: Any = PromptEmbedding
    weight: Tensor = encoder(config, model.get_input_embeddings()).embedding.weight
    return weight.detach()


def prompt_config(model: PreTrainedModel, tokens: int, text: str | None) -> PromptTuningConfig:
    """Prompt tuning in PEFT's words, started from ``text`` or from the vocabulary."""
    from peft import PromptTuningConfig

    return PromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=tokens,
        prompt_tuning_init="SAMPLE_VOCAB" if text is None else "TEXT",
        prompt_tuning_init_text=text,
        tokenizer_name_or_path=None if text is None else model.name_or_path,
    )
