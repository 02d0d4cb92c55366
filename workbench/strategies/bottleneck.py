"""Bottleneck adapters: small layers inside frozen blocks (arXiv 1902.00751)."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.base import Strategy
from workbench.strategies.blocks import blocks_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts
    from workbench.strategies.base import ModuleDelta
    from workbench.strategies.layers.bottleneck import Bottleneck

_CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"


class BottleneckStrategy(Strategy):
    """Train x + up(activation(down(x))) inside each block, starting as the identity.

    PEFT has no such method and its registry takes only names from its own list, so the layers are
    ftwb's; the folder follows PEFT's convention. The base's modules, their names and their weights
    stay as they are: an adapter is a child of the module that it follows.
    """

    card: ClassVar[Card] = Card(
        title="Bottleneck adapters",
        does="Puts small two-layer networks into the blocks and trains only those.",
        costs=(
            "About 2·width²/reduction parameters for each adapter. They cannot be folded into the "
            "weights, so every answer stays a little slower (the Houlsby form most)."
        ),
        forgets=(
            "The base is frozen and the start is exactly the base; how much is forgotten while "
            "attached depends on learning rate and steps as with LoRA (.050 nats/token at rank 32 "
            "in PEFT's public benchmark, which has no adapters). Measure it."
        ),
    )
    trains_base_weights: ClassVar[bool] = False

    kind: Literal["bottleneck"] = field(
        "bottleneck", title="Strategy", help="Small layers inside frozen blocks."
    )
    form: Literal["houlsby", "pfeiffer", "parallel"] = field(
        "pfeiffer",
        title="Form",
        help="houlsby: after attention and after the MLP; pfeiffer (arXiv 2005.00247): after the "
        "MLP; parallel (arXiv 2110.04366): beside the MLP, from its input.",
    )
    reduction_factor: int = field(
        16,
        title="Reduction",
        help="Model width over adapter width; less learns more.",
        ge=1,
        le=4096,
    )
    non_linearity: Literal["relu", "gelu", "silu"] = field(
        "relu", title="Activation", help="Between the two layers.", advanced=True
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """Two matrices with biases for each adapter."""
        width, inner = facts.hidden_size, self._inner(facts.hidden_size)
        return len(self._places(facts.shapes)) * (2 * width * inner + inner + width)

    def prepare(self, model: Module) -> Module:
        """Freeze the base and put the adapters in."""
        from transformers import PreTrainedModel

        from workbench.strategies.layers.bottleneck import Bottleneck, attach

        assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
        model.requires_grad_(requires_grad=False)
        width = model.config.get_text_config().hidden_size
        names = (name for name, _ in model.named_modules())
        for place in sorted(self._places(f"{name}." for name in names)):
            adapter = Bottleneck(width, self._inner(width), self.non_linearity)
            adapter.to(model.device)
            attach(model.get_submodule(place), adapter, parallel=self.form == "parallel")
        return model

    def module_deltas(self, model: Module) -> Mapping[str, ModuleDelta]:
        """Every adapter, at the module that it belongs to."""
        from workbench.strategies.layers.delta import Inserted

        parallel = self.form == "parallel"
        return {
            name.rpartition(".")[0]: Inserted(adapter, parallel)
            for name, adapter in _adapters(model)
        }

    def save(self, model: Module, folder: Path) -> None:
        """Write the adapters' tensors and what they are, in PEFT's file names."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"{name}.{key}": tensor.detach().cpu().contiguous()
            for name, adapter in _adapters(model)
            for key, tensor in adapter.state_dict().items()
        }
        save_file(tensors, folder / _WEIGHTS, metadata={"format": "pt"})
        config = {"peft_type": "BOTTLENECK", **self.model_dump(exclude={"kind"})}
        (folder / _CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")

    def load(self, base: Module, folder: Path) -> Module:
        """Put the adapters of ``folder`` into ``base``.

        Raises:
            BadInputError: They belong to another model.
        """
        from safetensors.torch import load_file

        tuned = self.prepare(base)
        found = load_file(folder / _WEIGHTS)
        tuned.requires_grad_(requires_grad=False)
        unknown = tuned.load_state_dict(found, strict=False).unexpected_keys
        wanted = sum(len(adapter.state_dict()) for _, adapter in _adapters(tuned))
        if unknown or len(found) != wanted:
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

    def _inner(self, width: int) -> int:
        return max(1, width // self.reduction_factor)

    def _places(self, names: Iterable[str]) -> set[str]:
        attention, feed_forward = blocks_in(names)
        if not feed_forward or (self.form == "houlsby" and not attention):
            raise BadInputError(
                "strategy.kind: no attention and MLP modules found in this model's blocks, so "
                "bottleneck adapters have no place; use lora"
            )
        return feed_forward | (attention if self.form == "houlsby" else set())


def _adapters(model: Module) -> Iterator[tuple[str, Bottleneck]]:
    from workbench.strategies.layers.bottleneck import Bottleneck

    return (
        (name, module) for name, module in model.named_modules() if isinstance(module, Bottleneck)
    )
