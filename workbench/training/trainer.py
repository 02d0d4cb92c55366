"""transformers' Trainer with ftwb's batches and ftwb's loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import torch
from accelerate.data_loader import prepare_data_loader
from torch.distributed.fsdp import FSDPModule
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from workbench.data.batches import Collator, ReplayCollator, ReplayRow, split_by_source
from workbench.data.rendering import IGNORE_INDEX, Rendered
from workbench.data.samplers import DistributedBatchSampler, LengthBucketSampler, ReplaySampler
from workbench.models.loss import labelled_nll
from workbench.planning.plan import warmup_steps
from workbench.training.distributed.process_group import SINGLE_PROCESS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.recipe.training import TrainingSection
    from workbench.training.checkpoint.write import Stateful
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.oom.micro_batch_splitter import MicroBatchSplitter
    from workbench.training.protections import GuardSet

_SOURCES = ("target", "replay")
"""Where a row is from, see :func:`workbench.data.batches.split_by_source`."""


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
        ddp_find_unused_parameters=False,
        ddp_broadcast_buffers=False,
    )


class _Arguments(TrainingArguments):
    """transformers' own, for a model that is on its device, in one piece or split."""

    @property
    def place_model_on_device(self) -> bool:
        """Leave it where it is."""
        return False


class WorkbenchTrainer(Trainer):
    """Length-bucketed batches, and a loss that never builds logits nobody needs."""

    def __init__(
        self,
        model: Module,
        arguments: TrainingArguments,
        rows: Sequence[Rendered],
        padding: int,
        guards: GuardSet,
        splitter: Callable[[Mapping[str, Stateful]], MicroBatchSplitter],
        groups: list[dict[str, Any]] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        """Prepare to train ``model`` on rendered rows.

        Args:
            model: The model on its device, its trainable parameters marked; it may be split.
            arguments: Hyperparameters.
            rows: What to learn.
            padding: Id of the padding token.
            guards: What protects old knowledge.
            splitter: Makes what cuts micro batches, given all that notes something in them.
            groups: Parameters with rates of their own; without them all move at one rate.
            processes: Who trains it together.
        """
        optimizer, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
        pool = [ReplayRow.of(row) for row in guards.mix.rows] if guards.mix else []
        dataset: Any = [*rows, *pool]
        if processes.size > 1:
            dataset.append(Rendered([padding], [IGNORE_INDEX], truncated=False))
        self.losses = SourceLosses(processes)
        made = self.splitter = splitter({"guards": guards, "losses": self.losses})
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=dataset,
            data_collator=ReplayCollator(padding) if pool else Collator(padding),
            callbacks=[guards, made],
            optimizer_cls_and_kwargs=(optimizer, {**options, "params": groups}) if groups else None,
        )
        self._rows = rows
        self._guards = guards
        self._processes = processes
        self._sharded = isinstance(model, FSDPModule)
        self.is_distributed_loading_by_transformers = self._sharded  # so it is not wrapped again
        self._finite = torch.tensor(data=True)
        self.model_accepts_loss_kwargs = True
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Batches of rows of similar length, every row once an epoch, with what is replayed."""
        sampler: Any = LengthBucketSampler(
            [len(row.input_ids) for row in self._rows],
            self.args.per_device_train_batch_size,
            seed=self.args.seed,
        )
        if mix := self._guards.mix:
            learned = [row.trained_tokens for row in self._rows]
            pool = [row.trained_tokens for row in mix.rows]
            sampler = ReplaySampler(sampler, learned, pool, mix.share, self.args.seed)
        processes, dataset = self._processes, cast("Any", self.train_dataset)
        if processes.size > 1:
            sampler = DistributedBatchSampler(
                sampler, processes.rank, processes.size, blank=len(dataset) - 1
            )
        loader: DataLoader[dict[str, Tensor]] = prepare_data_loader(
            DataLoader(dataset, batch_sampler=sampler, collate_fn=self.data_collator),
            self.args.device,
            num_processes=1,  # the batches are dealt out already
            process_index=0,
            put_on_device=True,
        )
        return loader

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hand the numbers to the callbacks; the event log is the history, so none is kept here."""
        del start_time
        logs.update(self.losses.take())
        if "loss" in logs and self._processes.total([float(~self._finite)]) != [0.0]:
            logs["loss"] = math.nan
            self._finite = torch.tensor(data=True)
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def training_step(
        self,
        model: Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Cut what does not fit, and keep a loss that is not finite out of the Trainer's sum."""
        learn = super().training_step
        loss = self.splitter.take(
            inputs,
            lambda rows: learn(model, dict(rows), num_items_in_batch),
            lambda learned: self._penalise(learned, num_items_in_batch),
        )
        finite = torch.isfinite(loss)
        self._finite = self._finite.to(loss.device) & finite
        return torch.where(finite, loss, 0.0)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: Module | None = None
    ) -> None:
        """Leave the weights alone: the worker has put them back."""
        del resume_from_checkpoint, model

    def compute_loss(
        self,
        model: Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Mean over the labelled tokens of the whole optimiser step, accumulation included.

        A whole micro batch carries its share of the penalties: together they add them once a step.
        So do the micro batches of several devices, over which the gradients are then averaged.
        """
        del return_outputs  # only Trainer.evaluate asks for outputs, and ftwb evaluates by itself
        total, labelled = torch.zeros((), device=inputs["labels"].device), 0
        for source, part in self._parts(inputs).items():
            nll, count = labelled_nll(model, part)
            self.losses.add(source, nll, count)
            total, labelled = total + nll, labelled + count
        items = labelled if num_items_in_batch is None else num_items_in_batch
        share = labelled * self._guards.penalty() if self.splitter.whole else 0.0
        return (total + share) * self._processes.size / items

    def _parts(self, inputs: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """The batch by source; a split model is asked as often by every process, if for nothing."""
        parts = split_by_source(inputs)
        if self._sharded and self._guards.mix:
            blank = {name: tensor[:1, :1] for name, tensor in inputs.items() if name != "replay"}
            blank["labels"] = torch.full_like(blank["labels"], IGNORE_INDEX)
            parts = {source: parts.get(source, blank) for source in _SOURCES}
        return parts

    def _penalise(self, learned: int, num_items_in_batch: Tensor | int | None) -> Tensor:
        """Gradients of the share of the penalties of a micro batch, and that share."""
        items = learned if num_items_in_batch is None else num_items_in_batch
        with self.compute_loss_context_manager():
            share = torch.as_tensor(
                learned * self._guards.penalty() / items, device=self.args.device
            )
        if share.requires_grad:
            self.accelerator.backward(share)
        return share.detach()


class SourceLosses:
    """Loss and learned tokens of the dataset and of what is replayed, apart, on all devices."""

    def __init__(self, processes: ProcessGroup = SINGLE_PROCESS) -> None:
        """Start with nothing seen."""
        self._processes = processes
        self._sums: dict[str, list[tuple[Tensor, int]]] = {source: [] for source in _SOURCES}
        self._tokens = dict.fromkeys(_SOURCES, 0)

    def add(self, source: str, nll: Tensor, tokens: int) -> None:
        """Note a micro batch."""
        self._sums[source].append((nll.detach(), tokens))

    def take(self) -> dict[str, float]:
        """Mean losses since the last call, ``loss_target`` and ``loss_replay``, and the share."""
        own = [
            (float(sum(nll for nll, _ in parts)), sum(n for _, n in parts))
            for parts in self._sums.values()
        ]
        sums = self._processes.total([number for pair in own for number in pair])
        means = {}
        for source, nll, tokens in zip(_SOURCES, sums[::2], sums[1::2], strict=True):
            self._tokens[source] += int(tokens)
            self._sums[source].clear()
            if tokens:
                means[f"loss_{source}"] = nll / tokens
        return means | ({"replay_share": self.replay_share} if self._tokens["replay"] else {})

    @property
    def replay_share(self) -> float:
        """Share of replayed tokens in all that were learned so far."""
        total = sum(self._tokens.values())
        return self._tokens["replay"] / total if total else 0.0

    def state(self) -> dict[str, Any]:
        """The tokens so far."""
        return dict(self._tokens)

    def resume(self, state: dict[str, Any]) -> None:
        """Count on from there, between two calls of :meth:`take`."""
        self._sums = {source: [] for source in _SOURCES}
        self._tokens = dict(state)
