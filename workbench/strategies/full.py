"""Full fine-tuning: every weight is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from workbench.core.errors import FtwbError
from workbench.core.weights import NO_ADAPTER, require_safetensors
from workbench.models.output_head import feed_head_contiguously
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.whole_weights import WholeWeightsStrategy

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    import torch
    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts


class FullStrategy(WholeWeightsStrategy):
    """Train all weights in float32 and save the whole model as safetensors."""

    card: ClassVar[Card] = Card(
        title="Full fine-tuning",
        does="Trains every weight of the model on the new task.",
        costs=(
            "About 16 bytes per parameter while training with AdamW (weights, gradients and two "
            "moments in float32), and a full copy of the model on disk."
        ),
        forgets=(
            "Learning rate and steps decide: in PEFT's public benchmark it forgets .030 nats/token "
            "at 1e-5, less than LoRA at 1e-4; at rates ten times higher it overwrites general "
            "behaviour within a few dozen steps."
        ),
    )

    kind: Literal["full"] = field("full", title="Strategy", help="Every weight is trained.")

    @property
    def trains_added_rows(self) -> bool:
        """As all weights are."""
        return True

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """All of them, tied weights counted once."""
        return facts.parameters

    def prepare(self, model: Module) -> Module:
        """Let every parameter require a gradient."""
        return model.requires_grad_(requires_grad=True)

    def save(self, model: Module, folder: Path) -> None:
        """Write config and safetensors as transformers does, in the format of the result."""
        from transformers import PreTrainedModel

        from workbench.models.result_folder import edit_json, usable_generation_config

        assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
        generation_config = model.generation_config
        if generation_config:
            model.generation_config = usable_generation_config(generation_config)
        try:
            dtype = self.saved_dtype(model)
            model.save_pretrained(folder, state_dict=_converted(model, dtype))
        finally:
            model.generation_config = generation_config
        edit_json(folder / "config.json", dtype=str(dtype).removeprefix("torch."))

    def load(self, base: Module, folder: Path) -> Module:
        """Read the whole model from ``folder`` in the base's dtype, on the base's device.

        It is loaded as the base's class: no class name, and so no code, comes from the folder.

        Raises:
            BadInputError: The folder has no safetensors.
        """
        from transformers import PreTrainedModel

        require_safetensors(folder, folder.parent.name)
        assert isinstance(base, PreTrainedModel)  # noqa: S101 - narrows for mypy
        tuned: Any = type(base).from_pretrained(
            folder, dtype=base.dtype, local_files_only=True, use_safetensors=True, **NO_ADAPTER
        )
        feed_head_contiguously(tuned)
        on_device: Module = tuned.to(base.device)
        return on_device

    def disabled_adapter(self, model: Module) -> AbstractContextManager[None]:
        """Refuse: the base is gone once its own weights have moved."""
        del model
        raise FtwbError("full fine-tuning cannot be switched off: load the base beside it")


def _converted(model: Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """The state of ``model`` with its parameters in ``dtype``; tied ones stay one tensor."""
    state: dict[str, Tensor] = model.state_dict()
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    converted: dict[int, Tensor] = {}
    for name in parameters & state.keys():
        tensor = state[name]
        if tensor.dtype != dtype:
            address = tensor.data_ptr()
            if address not in converted:
                converted[address] = tensor.to("cpu", dtype)
            state[name] = converted[address]
    return state
