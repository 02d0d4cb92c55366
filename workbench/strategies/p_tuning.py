"""P-tuning: virtual tokens that a small network writes (arXiv 2103.10385)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.peft_base import as_peft
from workbench.strategies.soft_prompt import SoftPromptStrategy, starting_embeddings

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts


class PTuningStrategy(SoftPromptStrategy):
    """Train the three-layer network that turns indices into virtual tokens.

    Its last layer is solved for so that it starts by writing real tokens' embeddings; only the
    virtual tokens it has learned to write are saved.
    """

    card: ClassVar[Card] = Card(
        title="P-tuning",
        does="Prompt tuning whose virtual tokens are written by a small network, trained with it.",
        costs=(
            "About three squares of the model's width in parameters while training, kilobytes on "
            "disk; otherwise as prompt tuning, learning more steadily."
        ),
        forgets=(
            "Nothing once detached. Attached it steers every answer as prompt tuning does, for "
            "which the public benchmark has .145 nats/token and more; it has no row that starts "
            "P-tuning from real tokens as here."
        ),
    )

    kind: Literal["p_tuning"] = field(
        "p_tuning", title="Strategy", help="Learned tokens, written by a small network."
    )
    encoder_hidden_size: int | None = field(
        None,
        title="Network width",
        help="Width of the network's hidden layers; empty takes the model's own.",
        advanced=True,
        ge=1,
        le=65536,
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """Indices' embeddings and three layers with biases."""
        width = facts.hidden_size
        inner = self.encoder_hidden_size or width
        layers = (width + 1) * inner + (inner + 1) * inner + (inner + 1) * width
        return self.num_virtual_tokens * width + layers

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """PEFT's P-tuning with its MLP."""
        from peft import PromptEncoderConfig

        return PromptEncoderConfig(
            task_type="CAUSAL_LM",
            num_virtual_tokens=self.num_virtual_tokens,
            encoder_reparameterization_type="MLP",
            encoder_hidden_size=self.encoder_hidden_size
            or model.config.get_text_config().hidden_size,
        )

    def prepare(self, model: Module) -> Module:
        """Attach the network and let it start at real tokens."""
        from transformers import PreTrainedModel

        assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
        start = starting_embeddings(
            model,
            self.num_virtual_tokens,
            self.prompt_tuning_init_text if self.prompt_tuning_init == "text" else None,
        )
        tuned = super().prepare(model)
        _write(as_peft(tuned).prompt_encoder["default"], start)
        return tuned


def _write(encoder: Module, wanted: Tensor) -> None:
    """Solve the last layer so that ``encoder`` gives ``wanted [tokens, width]``, least weights."""
    import torch
    from torch.nn import Linear, Sequential

    network = encoder.mlp_head
    assert isinstance(network, Sequential)  # noqa: S101 - narrows for mypy
    last = network[-1]
    assert isinstance(last, Linear)  # noqa: S101 - narrows for mypy
    with torch.no_grad():
        hidden = network[:-1](encoder.embedding.weight)  # type: ignore[union-attr]
        offset = wanted.mean(dim=0)
        inverse = torch.linalg.pinv(hidden.double())
        last.weight.copy_((inverse @ (wanted - offset).double()).T)
        last.bias.copy_(offset)
