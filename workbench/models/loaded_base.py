"""A recipe's base model, tokenizer and data, open on this machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from workbench.data.rendering import Renderer
from workbench.models import loading
from workbench.models.dtype import torch_dtype

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch.nn import Module
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.core.progress import ProgressCallback
    from workbench.data.rendering import Rendered
    from workbench.data.splitting import Split
    from workbench.models.dtype import RunDtypes
    from workbench.recipe.recipe import Recipe


@dataclass(frozen=True)
class LoadedBase:
    """What every measurement and every run needs.

    Attributes:
        recipe: The run.
        split: Its data.
        base: The untouched base, in evaluation mode, held as training holds it.
        tokenizer: The base's.
        renderer: Of the run's rows.
        precision: Number format of the matrix products while training.
    """

    recipe: Recipe
    split: Split
    base: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    renderer: Renderer
    precision: torch.dtype

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = self.base.device
        return device

    def as_trained(self) -> AbstractContextManager[None]:
        """Multiply in training's number format inside, so that before and after are computed alike.

        The model in training multiplies in it by itself, and keeps doing so afterwards.
        """
        return torch.autocast(
            self.device.type, self.precision, enabled=self.precision != torch.float32
        )

    @property
    def context(self) -> float:
        """Tokens that base and result have room for; infinite where the model does not say."""
        return context_of(self.base, self.recipe.strategy.virtual_tokens())

    def heldout(self) -> list[Rendered]:
        """The held-out rows that the loss is taken on, in tokens."""
        return self.renderer.render_all(self.split.heldout[: self.recipe.evaluation.loss_rows])


def open_base(
    recipe: Recipe, split: Split, dtypes: RunDtypes, report: ProgressCallback
) -> LoadedBase:
    """Load the untouched base of a run, in the number formats of that run.

    Raises:
        FtwbError: It cannot be found, fetched or loaded.
    """
    section = recipe.model
    device = loading.choose_device()
    folder = loading.locate(section, report)
    base = loading.load_base(
        section,
        folder,
        device=device,
        dtype=torch_dtype(dtypes.weights, device),
        quantization=recipe.strategy.quantization(),
    )
    tokenizer = loading.load_tokenizer(section, folder)
    training = recipe.training
    return LoadedBase(
        recipe=recipe,
        split=split,
        base=base,
        tokenizer=tokenizer,
        renderer=Renderer(tokenizer, recipe.data.assistant_only_loss, training.sequence_length),
        precision=torch_dtype(dtypes.products, device),
    )


def context_of(model: Module, room: int = 0) -> float:
    """Tokens the model was built for, less the virtual ones or ``room``; infinite if unsaid."""
    from peft import PeftModel

    config: Any = model.config
    built_for = getattr(config.get_text_config(), "max_position_embeddings", None) or math.inf
    adapter = model.active_peft_config if isinstance(model, PeftModel) else None
    virtual = adapter.num_virtual_tokens if adapter and adapter.is_prompt_learning else 0
    return float(built_for - max(virtual, room))
