"""Layer freezing: full fine-tuning of a part of the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError, FtwbError
from workbench.models.model_facts import in_blocks, is_embedding, is_head
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.base import Strategy
from workbench.strategies.blocks import layer_of
from workbench.strategies.targets import Names, pick_parts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts
    from workbench.strategies.base import DeltaKind

_FILE = "changed.safetensors"


class FreezeStrategy(Strategy):
    """Train some of the base's own tensors in float32 and save only those.

    The final norm moves with the layers. Nothing below the lowest trained layer is computed
    backward, as long as the embeddings are not trained.
    """

    card: ClassVar[Card] = Card(
        title="Layer freezing",
        does="Trains the upper layers (or those you name) and leaves the rest of the model alone.",
        costs=(
            "About 16 bytes per trained parameter, nothing backward below the lowest trained "
            "layer; on disk only the layers that changed."
        ),
        forgets=(
            "What lies in frozen layers stays, but the trained ones are rewritten as in full "
            "fine-tuning, and learning rate and steps decide again (full at 1e-5 forgets .030 "
            "nats/token in PEFT's public benchmark, which has no row for freezing)."
        ),
    )
    trains_base_weights: ClassVar[bool] = True

    kind: Literal["freeze"] = field(
        "freeze", title="Strategy", help="Some layers move, the others stay."
    )
    choose: Literal["train_last", "freeze_first", "patterns"] = field(
        "train_last",
        title="Choose by",
        help="train_last: the last layers move; freeze_first: all but the first ones; patterns: "
        "what the names below match.",
    )
    layers: int = field(
        4, title="Layers", help="How many last layers train, or first ones freeze.", ge=0, le=4096
    )
    patterns: Names = field(
        (),
        title="Patterns",
        help="Parts of names such as layers.3.mlp, or re: and a regular expression.",
    )
    embeddings: bool = field(
        False, title="Train embeddings", help="The vectors of the tokens move as well."
    )
    head: bool = field(
        False,
        title="Train head",
        help="The output matrix moves as well. Where it is the embedding (tied weights), both "
        "switches must agree.",
    )

    @property
    def delta_kind(self) -> DeltaKind:
        """Some of the base's own weights."""
        return "weights"

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """All numbers of the chosen tensors.

        Raises:
            BadInputError: Nothing would train, or more layers are asked for than there are.
        """
        chosen = self._chosen(facts.shapes, tied=facts.tied_embeddings)
        return sum(facts.tensor_parameters(name) for name in chosen)

    def prepare(self, model: Module) -> Module:
        """Let only the chosen tensors require a gradient."""
        named = dict(model.named_parameters())
        chosen = self._chosen(named, tied=not any(is_head(name) for name in named))
        for name, parameter in named.items():
            parameter.requires_grad_(name in chosen)
        return model

    def save(self, model: Module, folder: Path) -> None:
        """Write the tensors that were trained, and nothing else."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        changed = {
            name: parameter.detach().cpu().contiguous()
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }
        save_file(changed, folder / _FILE, metadata={"format": "pt"})

    def load(self, base: Module, folder: Path) -> Module:
        """Put the changed tensors in the place of the base's, which stay as they are.

        Raises:
            BadInputError: They belong to another model.
        """
        from safetensors.torch import load_file
        from transformers import PreTrainedModel

        assert isinstance(base, PreTrainedModel)  # noqa: S101 - narrows for mypy
        changed = load_file(folder / _FILE)
        named = dict(base.named_parameters())
        if any(name not in named or named[name].shape != t.shape for name, t in changed.items()):
            raise BadInputError(f"{folder}: these layers belong to another model")
        for name, tensor in changed.items():
            _replace(base, name, tensor)
        base.tie_weights()
        return base

    def disabled_adapter(self, model: Module) -> AbstractContextManager[None]:
        """Refuse: the base is gone once its own weights have moved."""
        del model
        raise FtwbError("layer freezing cannot switch itself off: load the base beside it")

    def _chosen(self, names: Iterable[str], *, tied: bool) -> set[str]:
        every = list(names)
        if tied and self.embeddings != self.head:
            raise BadInputError(
                "strategy.head: this model's head is its embedding (tied weights): switch "
                "strategy.embeddings and strategy.head both on or both off"
            )
        chosen = self._by_pattern(every) if self.choose == "patterns" else self._by_layer(every)
        chosen |= {name for name in every if self.embeddings and is_embedding(name)}
        chosen |= {name for name in every if self.head and is_head(name)}
        if not chosen:
            raise BadInputError("strategy.layers: nothing is left to train")
        return chosen

    def _by_layer(self, every: list[str]) -> set[str]:
        layers = {name: layer_of(name) for name in every}
        count = len({layer for layer in layers.values() if layer is not None})
        if self.layers > count:
            raise BadInputError(
                f"strategy.layers: the model has {count} layers, {self.layers} are asked for"
            )
        first = count - self.layers if self.choose == "train_last" else self.layers
        if first == count:
            return set()
        return {
            name
            for name, layer in layers.items()
            if (layer is None and in_blocks(name)) or (layer is not None and layer >= first)
        }

    def _by_pattern(self, every: list[str]) -> set[str]:
        inner = [name for name in every if in_blocks(name)]
        return pick_parts(self.patterns, inner, "strategy.patterns")


def _replace(model: Module, name: str, tensor: Tensor) -> None:
    from torch.nn import Parameter

    owner, _, last = name.rpartition(".")
    old = model.get_parameter(name)
    new = Parameter(tensor.to(old.device, old.dtype), requires_grad=False)
    model.get_submodule(owner).register_parameter(last, new)
