"""Prefix tuning: learned keys and values in front of those of every layer (arXiv 2101.00190)."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.soft_prompt import SoftPromptStrategy

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.training import TrainingSection

_KEYS = ("k_proj", "key", "wk")
_FUSED = ("c_attn", "query_key_value", "qkv_proj", "Wqkv")


class PrefixTuningStrategy(SoftPromptStrategy):
    """Train the keys and values of virtual tokens in every layer."""

    card: ClassVar[Card] = Card(
        title="Prefix tuning",
        does="Puts learned keys and values in front of those of every layer; no weight moves.",
        costs=(
            "Two vectors per layer and virtual token; the backward pass still runs through the "
            "whole model. Does not work together with gradient checkpointing."
        ),
        forgets=(
            "Nothing once detached. While attached it is among the methods that forget most: in "
            "PEFT's public benchmark .198 nats/token when it starts from a text and up to 1.785 "
            "from random values, which are not offered here. Starting from zeros still draws "
            "attention away from the input."
        ),
    )
    risk_points: ClassVar[float] = 0.4

    kind: Literal["prefix_tuning"] = field(
        "prefix_tuning", title="Strategy", help="Learned keys and values in every layer."
    )
    prompt_tuning_init: Literal["text", "zero"] = field(  # type: ignore[assignment]
        "text",
        title="Start from",
        help="What the virtual tokens are before training.",
        choices={"text": "the keys and values of a text", "zero": "zeros"},
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """One key and one value per layer and virtual token."""
        return self.num_virtual_tokens * facts.layers * 2 * _key_size(facts)

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse gradient checkpointing, which would append the prefix to the cache twice."""
        if training.gradient_checkpointing:
            raise BadInputError(
                "training.gradient_checkpointing: prefix tuning passes its prefix to the layers in "
                "their KV cache, which checkpointing cannot replay; turn one of the two off"
            )
        super().check(facts, training)

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """A prefix of zeros, which :meth:`prepare` overwrites when it starts from a text."""
        from peft import PrefixTuningConfig

        del model
        return PrefixTuningConfig(
            task_type="CAUSAL_LM", num_virtual_tokens=self.num_virtual_tokens, init_weights="zero"
        )

    def prepare(self, model: Module) -> Module:
        """Attach the prefix, initialised to the keys and values that the base has for the text."""
        from peft import initialize_kv_prefix_from_text
        from transformers import AutoTokenizer, PreTrainedModel

        tuned = super().prepare(model)
        text = self.initial_text
        if text is not None:
            assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
            tokenizer = AutoTokenizer.from_pretrained(
                model.name_or_path, local_files_only=True, trust_remote_code=False
            )
            # PEFT takes the first tokens of the text: repeat it until there are enough.
            repeats = ceil(self.num_virtual_tokens / len(tokenizer(text).input_ids)) + 1
            initialize_kv_prefix_from_text(
                tuned, tokenizer, text=" ".join([text] * repeats), use_chat_template=False
            )
        return tuned


def _key_size(facts: ModelFacts) -> int:
    """Size of one token's keys in one layer, all key-value heads together."""
    sizes = {name.rpartition(".")[2]: facts.features(name)[1] for name in facts.linears()}
    separate = [sizes[name] for name in _KEYS if name in sizes]
    fused = [sizes[name] for name in _FUSED if name in sizes]
    if separate:
        return separate[0]
    if fused and fused[0] == 3 * facts.hidden_size:
        return facts.hidden_size
    raise BadInputError(
        f"strategy.kind: prefix_tuning cannot tell the size of {facts.architecture}'s keys from "
        "its weights; use prompt_tuning"
    )
