"""Prefix tuning: learned keys and values in front of every layer's (arXiv 2101.00190)."""

from __future__ import annotations

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
            "Two vectors a layer and virtual token; the backward pass still runs through the whole "
            "model. Does not work together with gradient checkpointing."
        ),
        forgets=(
            "Nothing once detached. While attached it is among the methods that forget most: "
            "PEFT's public benchmark has .198 nats/token when started from text and up to 1.785 "
            "from random starts, which are not offered here. A start at zero still takes attention "
            "away from the input."
        ),
    )

    kind: Literal["prefix_tuning"] = field(
        "prefix_tuning", title="Strategy", help="Learned keys and values before every layer's."
    )
    prompt_tuning_init: Literal["text", "zero"] = field(  # type: ignore[assignment]
        "text", title="Start from", help="The keys and values of a text, or zeros."
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """One key and one value a layer and virtual token."""
        return self.num_virtual_tokens * facts.layers * 2 * _key_size(facts)

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse gradient checkpointing, which would write the prefix into the cache twice."""
        if training.gradient_checkpointing:
            raise BadInputError(
                "training.gradient_checkpointing: prefix tuning hands its prefix to the layers in "
                "their cache, which checkpointing cannot replay; turn one of the two off"
            )
        super().check(facts, training)

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """Zeros, which :meth:`prepare` replaces when a text is asked for."""
        from peft import PrefixTuningConfig

        del model
        return PrefixTuningConfig(
            task_type="CAUSAL_LM", num_virtual_tokens=self.num_virtual_tokens, init_weights="zero"
        )

    def prepare(self, model: Module) -> Module:
        """Attach the prefix and let it start at what the base makes of the text."""
        from peft import initialize_kv_prefix_from_text
        from transformers import AutoTokenizer, PreTrainedModel

        tuned = super().prepare(model)
        if self.prompt_tuning_init == "text":
            assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
            tokenizer = AutoTokenizer.from_pretrained(
                model.name_or_path, local_files_only=True, trust_remote_code=False
            )
            repeats = (
                -(
                    -self.num_virtual_tokens
                    // len(tokenizer(self.prompt_tuning_init_text).input_ids)
                )
                + 1
            )
            initialize_kv_prefix_from_text(
                tuned,
                tokenizer,
                text=" ".join([self.prompt_tuning_init_text] * repeats),
                use_chat_template=False,
            )
        return tuned


def _key_size(facts: ModelFacts) -> int:
    """Numbers in the keys of one token in one layer, all key-value heads together."""
    sizes = {name.rpartition(".")[2]: facts.features(name)[1] for name in facts.linears()}
    separate = [sizes[name] for name in _KEYS if name in sizes]
    fused = [sizes[name] for name in _FUSED if name in sizes]
    if separate:
        return separate[0]
    if fused and fused[0] == 3 * facts.hidden_size:
        return facts.hidden_size
    raise BadInputError(
        f"strategy.kind: cannot tell the size of {facts.architecture}'s keys from its weights, so "
        "prefix tuning is not offered for it; use prompt_tuning"
    )
