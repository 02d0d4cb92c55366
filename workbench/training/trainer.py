"""transformers' Trainer with ftwb's batches and ftwb's loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from workbench.data.batching import Collator, LengthBucketSampler
from workbench.training.loss import labelled_nll
from workbench.training.plan import warmup_steps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch
    from torch import Tensor
    from torch.nn import Module
    from transformers import TrainerCallback

    from workbench.data.rendering import Rendered
    from workbench.recipe.training import TrainingSection

_OPTIMIZERS = {
    "adamw": "adamw_torch",
    "adamw_8bit": "adamw_bnb_8bit",
    "paged_adamw": "paged_adamw_32bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "lion_8bit": "lion_8bit",
    "adafactor": "adafactor",
    "sgd": "sgd",
}


def training_arguments(
    training: TrainingSection, *, steps: int, folder: Path, precision: torch.dtype, on_cpu: bool
) -> TrainingArguments:
    """Translate a recipe's hyperparameters into transformers' own.

    Args:
        training: The recipe's section.
        steps: Optimiser steps of the whole run.
        folder: Where the Trainer may write; ftwb lets it write nothing.
        precision: Number format of the matrix products.
        on_cpu: Whether there is no device.
    """
    import torch

    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=training.micro_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.scheduler,
        warmup_steps=warmup_steps(training, steps),
        weight_decay=training.weight_decay,
        optim=_OPTIMIZERS[training.optimizer],
        max_grad_norm=training.max_gradient_norm,
        activation_checkpointing=training.gradient_checkpointing,
        bf16=precision == torch.bfloat16,
        fp16=precision == torch.float16,
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
    )


class WorkbenchTrainer(Trainer):
    """Length-bucketed batches, and a loss that never builds logits nobody needs."""

    def __init__(
        self,
        model: Module,
        arguments: TrainingArguments,
        rows: Sequence[Rendered],
        padding: int,
        callbacks: list[TrainerCallback],
        groups: list[dict[str, Any]] | None = None,
    ) -> None:
        """Prepare to train ``model`` on rendered rows.

        Args:
            model: The model, its trainable parameters marked.
            arguments: Hyperparameters.
            rows: What to learn.
            padding: Id of the padding token.
            callbacks: Who watches.
            groups: Parameters with rates of their own; without them all move at one rate.
        """
        optimizer, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
        dataset: Any = rows
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=dataset,
            data_collator=Collator(padding),
            callbacks=callbacks,
            optimizer_cls_and_kwargs=(optimizer, {**options, "params": groups}) if groups else None,
        )
        self._rows = rows
        self.model_accepts_loss_kwargs = True
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Batches of rows of similar length, every row once an epoch."""
        sampler = LengthBucketSampler(
            [len(row.input_ids) for row in self._rows],
            self.args.per_device_train_batch_size,
            seed=self.args.seed,
        )
        dataset: Any = self._rows
        loader: DataLoader[dict[str, Tensor]] = self.accelerator.prepare(
            DataLoader(dataset, batch_sampler=sampler, collate_fn=self.data_collator)
        )
        return loader

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hand the numbers to the callbacks; the event log is the history, so none is kept here."""
        del start_time
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def compute_loss(
        self,
        model: Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Mean over the labelled tokens of the whole optimiser step, accumulation included."""
        del return_outputs  # only Trainer.evaluate asks for outputs, and ftwb evaluates by itself
        nll, count = labelled_nll(model, inputs)
        return nll / (count if num_items_in_batch is None else num_items_in_batch)
