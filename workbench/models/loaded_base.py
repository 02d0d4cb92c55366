"""The untouched base model of a run with its tokenizer and data, as every measurement needs it."""

from __future__ import annotations

import gc
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from workbench.data.batches import SourceRow
from workbench.data.pieces import shorten
from workbench.data.rendering import Renderer
from workbench.data.template_settings import TemplateSettings, use_template
from workbench.models import loading
from workbench.models.dtype import torch_dtype
from workbench.models.embedding import embedding_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch.nn import Module
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.core.progress import ProgressCallback
    from workbench.data.formats import Example
    from workbench.data.rendering import Rendered
    from workbench.data.splitting import Split
    from workbench.models.dtype import RunDtypes
    from workbench.recipe.recipe import Recipe


@dataclass(eq=False)
class LoadedBase:
    """The base of a run in memory.

    Attributes:
        recipe: The run's recipe.
        split: The run's data.
        base: The untouched base in evaluation mode, in the dtype or quantisation of the training.
        tokenizer: The base's tokenizer.
        renderer: Renders the run's rows.
        autocast_dtype: Number format of matrix products in training.
    """

    recipe: Recipe
    split: Split
    base: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    renderer: Renderer
    autocast_dtype: torch.dtype

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        device: torch.device = self.base.device
        return device

    def autocast(self) -> AbstractContextManager[None]:
        """Compute as in training inside the context, so that before and after are comparable.

        The trained model applies the same autocast to its own forward pass.
        """
        return torch.autocast(
            self.device.type, self.autocast_dtype, enabled=self.autocast_dtype != torch.float32
        )

    @property
    def context_length(self) -> float:
        """Most tokens that both base and result can read; infinite where the model has no limit."""
        return context_length(self.base, self.recipe.strategy.virtual_tokens())

    def reopen(self, dtypes: RunDtypes, report: ProgressCallback) -> None:
        """Replace the base, which training may have changed, by the untouched one; it goes first.

        Raises:
            FtwbError: It cannot be found or loaded.
        """
        device = self.device
        del self.base
        free_memory()
        self.base = _load(self.recipe, dtypes, device, report)[0]

    def loss_rows(self, rows: Sequence[Example]) -> Sequence[Rendered]:
        """The first of some held-out rows, on which a loss is computed."""
        length = self.renderer.sequence_length
        asked = [shorten(row, length) for row in rows[: self.recipe.evaluation.loss_rows]]
        rendered = self.renderer.render_all(asked)
        if not self.split.names or self.recipe.data.heldout is not None:
            return rendered
        return [
            SourceRow.of(row, example.dataset) for row, example in zip(rendered, asked, strict=True)
        ]


def open_base(
    recipe: Recipe,
    split: Split,
    dtypes: RunDtypes,
    report: ProgressCallback,
    template: TemplateSettings | None = None,
) -> LoadedBase:
    """Load the untouched base of a run, in the run's number formats.

    Args:
        recipe: The run's recipe.
        split: The run's data.
        dtypes: The number formats.
        report: Reports progress.
        template: How conversations are written; as the recipe says today unless given.

    Raises:
        FtwbError: It cannot be found, downloaded or loaded.
    """
    device = loading.choose_device()
    base, folder = _load(recipe, dtypes, device, report)
    tokenizer = loading.load_tokenizer(recipe.model, folder)
    template = template or TemplateSettings.of(recipe.data)
    use_template(tokenizer, template)
    return LoadedBase(
        recipe=recipe,
        split=split,
        base=base,
        tokenizer=tokenizer,
        renderer=Renderer(
            tokenizer,
            recipe.data.assistant_only_loss,
            recipe.training.sequence_length,
            template,
            embedding_rows(base),
        ),
        autocast_dtype=torch_dtype(dtypes.autocast, device),
    )


def free_memory() -> None:
    """Give back the memory of models that nothing refers to any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _load(
    recipe: Recipe, dtypes: RunDtypes, device: torch.device, report: ProgressCallback
) -> tuple[PreTrainedModel, Path]:
    folder = loading.locate(recipe.model, report)
    base = loading.load_base(
        recipe.model,
        folder,
        device=device,
        dtype=torch_dtype(dtypes.weights, device),
        quantization=recipe.strategy.quantization(),
    )
    return base, folder


def context_length(model: Module, reserved: int = 0) -> float:
    """Most tokens that a model can read; infinite where its config has no limit.

    Args:
        model: A base model, or a PEFT model, whose virtual tokens take some of its positions.
        reserved: Positions to keep free for virtual tokens that are not attached yet.
    """
    from peft import PeftModel

    config: Any = model.config
    limit = getattr(config.get_text_config(), "max_position_embeddings", None) or math.inf
    adapter = model.active_peft_config if isinstance(model, PeftModel) else None
    virtual = adapter.num_virtual_tokens if adapter and adapter.is_prompt_learning else 0
    return float(limit - max(virtual, reserved))
