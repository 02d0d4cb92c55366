"""The Trainer of a run, with the recipe's hyperparameters as transformers' own arguments."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from transformers import TrainingArguments

from workbench.planning.plan import total_steps, warmup_steps
from workbench.training.oom.micro_batch_splitter import MicroBatchSplitter
from workbench.training.trainer import WorkbenchTrainer

if TYPE_CHECKING:
    from pathlib import Path

    from torch.nn import Module

    from workbench.data.training_rows import TrainingRows
    from workbench.models.loaded_base import LoadedBase
    from workbench.runs.folder import RunFolder
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.guards import GuardSet
    from workbench.training.reporting.reporter import Reporter


def make_trainer(
    loaded: LoadedBase,
    model: Module,
    rows: TrainingRows,
    guards: GuardSet,
    run: RunFolder,
    reporter: Reporter,
    processes: ProcessGroup,
) -> WorkbenchTrainer:
    """What trains the prepared ``model`` as the recipe of ``loaded`` says."""
    recipe, training = loaded.recipe, loaded.recipe.training
    steps = total_steps(training, len(rows.mixture), processes.size)
    groups = recipe.strategy.parameter_groups(model, training.learning_rate, training.weight_decay)
    return WorkbenchTrainer(
        model,
        _training_arguments(loaded, steps, run.checkpoints),
        rows,
        loaded.tokenizer.pad_token_id,
        guards,
        partial(MicroBatchSplitter, recipe, reporter, processes),
        groups,
        processes,
    )


def _training_arguments(loaded: LoadedBase, steps: int, folder: Path) -> TrainingArguments:
    """Translate a recipe's hyperparameters into transformers' own.

    Args:
        loaded: The base of the run, with its recipe.
        steps: Optimiser steps of the whole run.
        folder: Where the Trainer may write; ftwb lets it write nothing.
    """
    training, on_cpu = loaded.recipe.training, loaded.device.type == "cpu"
    return _Arguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=training.micro_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.lr_scheduler_type,
        warmup_steps=warmup_steps(training, steps),
        weight_decay=training.weight_decay,
        optim=training.optim,
        max_grad_norm=training.max_grad_norm,
        activation_checkpointing=training.gradient_checkpointing,
        bf16=loaded.autocast_dtype == torch.bfloat16,
        fp16=loaded.autocast_dtype == torch.float16,
        use_cpu=on_cpu,
        seed=training.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        include_num_input_tokens_seen="non_padding",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        ddp_find_unused_parameters=False,
        ddp_broadcast_buffers=False,
    )


class _Arguments(TrainingArguments):
    """transformers' own, for a model that is on its device already, in one piece or sharded."""

    @property
    def place_model_on_device(self) -> bool:
        """Leave the model where it is."""
        return False
