"""Layer freezing: full fine-tuning of some of the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError, FtwbError
from workbench.models.model_facts import in_blocks, is_embedding, is_head
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.targets import Names, layer_index, pick_parts
from workbench.strategies.whole_weights import WholeWeightsStrategy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts

_FILE = "changed.safetensors"


class FreezeStrategy(WholeWeightsStrategy):
    """Train some of the base's own tensors in float32 and save only those.

    The final norm is trained with the layers. The backward pass ends at the lowest trained layer,
    unless the embeddings are trained.
    """

    card: ClassVar[Card] = Card(
        title="Layer freezing",
        does="Trains the upper layers (or those you name) and leaves the rest of the model alone.",
        costs=(
            "About 16 bytes per trained parameter and no backward pass below the lowest trained "
            "layer; only the layers that changed are saved."
        ),
        forgets=(
            "Frozen layers stay as they are, but the trained ones are overwritten as in full "
            "fine-tuning, so learning rate and steps decide (full at 1e-5 forgets .030 nats/token "
            "in PEFT's public benchmark, which has no row for freezing)."
        ),
    )

    kind: Literal["freeze"] = field(
        "freeze", title="Strategy", help="Some layers train, the others stay."
    )
    choose: Literal["train_last", "freeze_first", "patterns"] = field(
        "train_last",
        title="Choose by",
        help="Which layers are trained.",
        choices={
            "train_last": "the last layers",
            "freeze_first": "all but the first ones",
            "patterns": "what the patterns below match",
        },
    )
    layers: int = field(
        4,
        title="Layers",
        help="How many last layers to train, or first layers to freeze.",
        ge=0,
        le=4096,
    )
    patterns: Names = field(
        (),
        title="Patterns",
        help="Parts of tensor names such as layers.3.mlp, or re: and a regular expression.",
    )
    embeddings: bool = field(
        False, title="Train embeddings", help="Train the token embeddings as well."
    )
    head: bool = field(
        False,
        title="Train head",
        help="Train the output head as well. Where it shares its weights with the embeddings (tied "
        "weights), both switches must agree.",
    )

    @property
    def trains_added_rows(self) -> bool:
        """Only with the embeddings."""
        return self.embeddings

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """The sizes of the chosen tensors.

        Raises:
            BadInputError: Nothing would train, or the model has fewer layers than asked for.
        """
        chosen = self._select(facts.shapes, tied=facts.tied_embeddings)
        return sum(facts.tensor_parameters(name) for name in chosen)

    def prepare(self, model: Module) -> Module:
        """Let only the chosen tensors require a gradient."""
        parameters = dict(model.named_parameters())
        chosen = self._select(parameters, tied=not any(map(is_head, parameters)))
        for name, parameter in parameters.items():
            parameter.requires_grad_(name in chosen)
        return model

    def save(self, model: Module, folder: Path) -> None:
        """Write only the tensors that were trained, in the format of the result."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        dtype = self.saved_dtype(model)
        trained = {
            name: parameter.detach().to("cpu", dtype).contiguous()
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }
        save_file(trained, folder / _FILE, metadata={"format": "pt"})

    def load(self, base: Module, folder: Path) -> Module:
        """Register the trained tensors in place of the base's, which stay as they are.

        Raises:
            BadInputError: They belong to another model.
        """
        from safetensors.torch import load_file
        from transformers import PreTrainedModel

        assert isinstance(base, PreTrainedModel)  # noqa: S101 - narrows for mypy
        trained = load_file(folder / _FILE)
        shapes = {name: parameter.shape for name, parameter in base.named_parameters()}
        if any(shapes.get(name) != tensor.shape for name, tensor in trained.items()):
            raise BadInputError(f"{folder}: these layers belong to another model")
        for name, tensor in trained.items():
            _replace(base, name, tensor)
        base.tie_weights()
        return base

    def disabled_adapter(self, model: Module) -> AbstractContextManager[None]:
        """Refuse: the base is gone once its own weights have moved."""
        del model
        raise FtwbError("layer freezing cannot be switched off: load the base beside it")

    def _select(self, names: Iterable[str], *, tied: bool) -> set[str]:
        """The names of the tensors to train; ``tied``: the head is the embedding."""
        names = list(names)
        if tied and self.embeddings != self.head:
            raise BadInputError(
                "strategy.head: this model's head is its embedding (tied weights): switch "
                "strategy.embeddings and strategy.head both on or both off"
            )
        if self.choose == "patterns":
            chosen = pick_parts(self.patterns, filter(in_blocks, names), "strategy.patterns")
        else:
            chosen = self._select_layers(names)
        if self.embeddings:
            chosen |= set(filter(is_embedding, names))
        if self.head:
            chosen |= set(filter(is_head, names))
        if not chosen:
            raise BadInputError("strategy.layers: nothing is left to train")
        return chosen

    def _select_layers(self, names: list[str]) -> set[str]:
        layers = {name: layer_index(name) for name in names}
        count = len({layer for layer in layers.values() if layer is not None})
        if self.layers > count:
            raise BadInputError(
                f"strategy.layers: the model has {count} layers, but {self.layers} are asked for"
            )
        first = count - self.layers if self.choose == "train_last" else self.layers
        if first == count:
            return set()
        return {
            name
            for name, layer in layers.items()
            if (layer is None and in_blocks(name)) or (layer is not None and layer >= first)
        }


def _replace(model: Module, name: str, tensor: Tensor) -> None:
    """Register ``tensor`` in place of a parameter, on its device and in its dtype."""
    from torch.nn import Parameter

    owner, _, last = name.rpartition(".")
    old = model.get_parameter(name)
    new = Parameter(tensor.to(old.device, old.dtype), requires_grad=False)
    model.get_submodule(owner).register_parameter(last, new)
