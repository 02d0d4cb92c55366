"""Bottleneck adapters: small layers inside frozen blocks (arXiv 1902.00751)."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.base import Strategy
from workbench.strategies.delta import BottleneckDelta
from workbench.strategies.targets import attention_and_mlp_modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts
    from workbench.strategies.layers.bottleneck import Bottleneck

_CONFIG = "bottleneck.json"
_WEIGHTS = "bottleneck.safetensors"
"""Names that no other library takes for its own."""


class BottleneckStrategy(Strategy):
    """Train x + up(activation(down(x))) inside each block, starting as the identity.

    PEFT has no such method and its registry accepts only names from its own list, so the layers are
    ftwb's, and so is the format of the result. The base's modules, their names and their weights
    stay as they are: an adapter is a child of the module it is attached to.
    """

    card: ClassVar[Card] = Card(
        title="Bottleneck adapters",
        does="Inserts small two-layer networks into the blocks and trains only those.",
        costs=(
            "About 2·width²/reduction parameters per adapter. They cannot be merged into the "
            "weights, so every answer stays a little slower (most with the houlsby form)."
        ),
        forgets=(
            "The base is frozen and training starts exactly there. How much is forgotten while "
            "attached depends on learning rate and steps as with LoRA (.050 nats/token at rank 32 "
            "in PEFT's public benchmark, which does not cover bottleneck adapters): measure."
        ),
    )
    trains_base_weights: ClassVar[bool] = False

    kind: Literal["bottleneck"] = field(
        "bottleneck", title="Strategy", help="Small layers inside frozen blocks."
    )
    form: Literal["houlsby", "pfeiffer", "parallel"] = field(
        "pfeiffer",
        title="Form",
        help="Where in a block the adapters are.",
        choices={
            "houlsby": "after attention and after the MLP (arXiv 1902.00751)",
            "pfeiffer": "after the MLP (arXiv 2005.00247)",
            "parallel": "beside the MLP, on its input (arXiv 2110.04366)",
        },
    )
    reduction_factor: int = field(
        16,
        title="Reduction",
        help="Model width divided by adapter width; a smaller factor can learn more.",
        ge=1,
        le=4096,
    )
    non_linearity: Literal["relu", "gelu", "silu"] = field(
        "relu",
        title="Activation",
        help="Between the two layers.",
        choices={
            "relu": "negative values become 0",
            "gelu": "a smooth ReLU with the normal distribution",
            "silu": "a smooth ReLU with the logistic function",
        },
        advanced=True,
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """Two matrices with biases per adapter."""
        width, inner = facts.hidden_size, self._inner_width(facts.hidden_size)
        return len(self._parents(facts.shapes)) * (2 * width * inner + inner + width)

    def prepare(self, model: Module) -> Module:
        """Freeze the base and insert the adapters."""
        from transformers import PreTrainedModel

        from workbench.strategies.layers.bottleneck import Bottleneck, attach

        assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
        model.requires_grad_(requires_grad=False)
        width = model.config.get_text_config().hidden_size
        names = (name for name, _ in model.named_modules())
        for parent in sorted(self._parents(f"{name}." for name in names)):
            adapter = Bottleneck(width, self._inner_width(width), self.non_linearity)
            adapter.to(model.device)
            attach(model.get_submodule(parent), adapter, parallel=self.form == "parallel")
        return model

    def module_deltas(self, model: Module) -> Mapping[str, BottleneckDelta]:
        """Every adapter, by the module it is attached to."""
        parallel = self.form == "parallel"
        return {
            name.rpartition(".")[0]: BottleneckDelta(adapter, parallel)
            for name, adapter in _adapters(model)
        }

    def save(self, model: Module, folder: Path) -> None:
        """Write the adapters' tensors, and what they were made with."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            name: tensor.detach().cpu().contiguous()
            for name, tensor in self.result_tensors(model).items()
        }
        save_file(tensors, folder / _WEIGHTS, metadata={"format": "pt"})
        config = json.dumps(self.model_dump(), indent=2)
        (folder / _CONFIG).write_text(config, encoding="utf-8")

    def result_tensors(self, model: Module) -> Mapping[str, Tensor]:
        """The adapters' tensors."""
        return {
            f"{name}.{key}": tensor
            for name, adapter in _adapters(model)
            for key, tensor in adapter.state_dict().items()
        }

    def load(self, base: Module, folder: Path) -> Module:
        """Insert the adapters of ``folder`` into ``base``.

        Raises:
            BadInputError: They belong to another model or form.
        """
        from safetensors.torch import load_file

        tuned = self.prepare(base)
        tensors = load_file(folder / _WEIGHTS)
        tuned.requires_grad_(requires_grad=False)
        unexpected = tuned.load_state_dict(tensors, strict=False).unexpected_keys
        expected_count = sum(len(adapter.state_dict()) for _, adapter in _adapters(tuned))
        if unexpected or len(tensors) != expected_count:
            raise BadInputError(f"{folder}: these adapters belong to another model or form")
        return tuned

    @contextmanager
    def disabled_adapter(self, model: Module) -> Iterator[None]:
        """Switch the adapters off: the frozen base answers, bit for bit."""
        adapters = [adapter for _, adapter in _adapters(model)]
        for adapter in adapters:
            adapter.enabled = False
        try:
            yield
        finally:
            for adapter in adapters:
                adapter.enabled = True

    def _inner_width(self, width: int) -> int:
        return max(1, width // self.reduction_factor)

    def _parents(self, names: Iterable[str]) -> set[str]:
        """The modules that get an adapter, chosen from names as for attention_and_mlp_modules."""
        attention, mlp = attention_and_mlp_modules(names)
        if not mlp or (self.form == "houlsby" and not attention):
            raise BadInputError(
                "strategy.kind: bottleneck adapters need attention and MLP modules, and this "
                "model's blocks have none that are recognised; use lora"
            )
        return mlp | (attention if self.form == "houlsby" else set())


def _adapters(model: Module) -> Iterator[tuple[str, Bottleneck]]:
    from workbench.strategies.layers.bottleneck import Bottleneck

    return (
        (name, module) for name, module in model.named_modules() if isinstance(module, Bottleneck)
    )
