"""transformers' Trainer with length-bucketed batches, a lean loss, replay and penalties."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import torch
from accelerate.data_loader import prepare_data_loader
from torch.distributed.fsdp import FSDPModule
from torch.utils.data import ConcatDataset, DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from workbench.data.batches import Collator, ReplayCollator, ReplayRow, split_by_source
from workbench.data.rendering import IGNORE_INDEX, Rendered
from workbench.data.samplers import DistributedBatchSampler, LengthBucketSampler, ReplaySampler
from workbench.models.loss import labelled_nll, nll_by_dataset
from workbench.training.distributed.process_group import SINGLE_PROCESS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.training_rows import TrainingRows
    from workbench.training.checkpoint.write import Stateful
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.guards import GuardSet
    from workbench.training.oom.micro_batch_splitter import MicroBatchSplitter

_SOURCES = ("target", "replay")
"""Where a row comes from, see :func:`workbench.data.batches.split_by_source`."""
_DATASET = "of_{}"
"""One of several datasets that target rows come from."""


class WorkbenchTrainer(Trainer):
    """Takes the steps of a run.

    One optimiser step, in the order in which it happens:

    1. :meth:`get_train_dataloader` yields its micro batches: rows of similar length, with replayed
       rows among them, dealt out to the processes.
    2. :meth:`training_step` takes each micro batch: the splitter computes it at once or, where
       memory is short, in parts.
    3. :meth:`compute_loss` is the forward pass: the loss of dataset and replay, each noted in
       :attr:`losses`, and the micro batch's share of the penalties. transformers runs the backward
       pass.
    4. :meth:`_penalty_backward` takes that share instead, where the micro batch was split.
    5. transformers clips the gradients; the callbacks drop them where they are not finite
       (``NonfiniteCallback``), the optimiser steps, and the guards correct the weights
       (``GuardSet.on_optimizer_step``).
    6. The callbacks measure and obey (see :mod:`workbench.training.callbacks`) around :meth:`log`,
       which hands them the numbers of the step.

    Attributes:
        losses: Loss and learned tokens by source.
        splitter: Splits micro batches that do not fit.
    """

    def __init__(
        self,
        model: Module,
        arguments: TrainingArguments,
        rows: TrainingRows,
        pad_token_id: int,
        guards: GuardSet,
        splitter: Callable[[Mapping[str, Stateful]], MicroBatchSplitter],
        groups: list[dict[str, Any]] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        """Prepare to train ``model`` on rendered rows.

        Args:
            model: On its device, with its trainable parameters marked; it may be sharded.
            arguments: Hyperparameters.
            rows: What to learn, and how an epoch mixes it.
            pad_token_id: Id of the padding token.
            guards: The protections at work.
            splitter: Makes the splitter, given what changes its state during a micro batch.
            groups: Parameters with learning rates of their own; without them all share one.
            processes: The processes that train the model together.
        """
        optimizer, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
        replayed = [ReplayRow.of(row) for row in guards.mix.rows] if guards.mix else []
        others: list[Any] = [*replayed]
        if processes.size > 1:  # a process that gets no batch, see DistributedBatchSampler
            others.append(Rendered([pad_token_id], [IGNORE_INDEX], truncated=False))
        parts: Any = [rows, others] if others else [rows]
        dataset: Any = ConcatDataset(parts)
        self.losses = SourceLosses(processes, rows.names)
        self.splitter = splitter({"guards": guards, "losses": self.losses})
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=dataset,
            data_collator=ReplayCollator(pad_token_id) if replayed else Collator(pad_token_id),
            callbacks=[guards, self.splitter],
            optimizer_cls_and_kwargs=(optimizer, {**options, "params": groups}) if groups else None,
        )
        self._rows = rows
        self._guards = guards
        self._processes = processes
        self._sharded = isinstance(model, FSDPModule)
        self._losses_finite = torch.tensor(data=True)
        self.is_distributed_loading_by_transformers = self._sharded  # so it is not wrapped again
        self.model_accepts_loss_kwargs = True
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Batches of rows of similar length, each row once an epoch, with replayed rows."""
        sampler: Any = LengthBucketSampler(
            self._rows.lengths,
            self.args.per_device_train_batch_size,
            seed=self.args.seed,
            mixture=self._rows.mixture,
        )
        if mix := self._guards.mix:
            pool = [row.trained_tokens for row in mix.rows]
            learned = self._rows.trained_tokens
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

    def training_step(
        self,
        model: Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Add the gradients of a micro batch, and return its share of the step's loss.

        A loss that is not finite is kept out of the Trainer's sum, which would stay so for good;
        :meth:`log` reports it.
        """
        forward_backward = super().training_step
        loss = self.splitter.run(
            inputs,
            lambda rows: forward_backward(model, dict(rows), num_items_in_batch),
            lambda labelled: self._penalty_backward(labelled, num_items_in_batch),
        )
        finite = torch.isfinite(loss)
        self._losses_finite = self._losses_finite.to(loss.device) & finite
        return torch.where(finite, loss, 0.0)

    def compute_loss(
        self,
        model: Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The micro batch's share of the mean loss over the optimiser step's labelled tokens.

        With n labelled tokens in this micro batch and N in the whole step, over all micro batches
        and processes, the share is ``(sum of nll + n * penalty) / N``: over the step the penalty is
        added once. It is multiplied by the number of processes, over which gradients are averaged.
        """
        del return_outputs  # only Trainer.evaluate asks for outputs, and ftwb evaluates by itself
        total, labelled = torch.zeros((), device=inputs["labels"].device), 0
        for source, part in self._by_source(inputs).items():
            nll, count = self._nll(model, part)
            self.losses.add(source, nll, count)
            total, labelled = total + nll, labelled + count
        step_labelled = labelled if num_items_in_batch is None else num_items_in_batch
        penalty = labelled * self._guards.penalty() if self.splitter.is_whole else 0.0
        return (total + penalty) * self._processes.size / step_labelled

    def _nll(self, model: Module, part: dict[str, Tensor]) -> tuple[Tensor, int]:
        """The loss of rows of one source; that of several datasets is also noted by dataset."""
        names = self._rows.names
        if "dataset" not in part or (part["dataset"] < 0).any():
            return labelled_nll(model, part)
        nll, sums, counts = nll_by_dataset(model, part, len(names))
        for name, own, count in zip(names, sums, counts.tolist(), strict=True):
            self.losses.add(_DATASET.format(name), own, count)
        return nll, int(counts.sum())

    def _by_source(self, inputs: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """The rows of each source.

        A sharded model needs equally many forward passes of every process: where a source has no
        row in this micro batch, it gets a token of which nothing is learned.
        """
        parts = split_by_source(inputs)
        if self._sharded and self._guards.mix:
            blank = {name: tensor[:1, :1] for name, tensor in inputs.items() if name != "replay"}
            blank["labels"] = torch.full_like(blank["labels"], IGNORE_INDEX)
            parts = {source: parts.get(source, blank) for source in _SOURCES}
        return parts

    def _penalty_backward(self, labelled: int, num_items_in_batch: Tensor | int | None) -> Tensor:
        """Add the gradients of a split micro batch's share of the penalties; that share."""
        step_labelled = labelled if num_items_in_batch is None else num_items_in_batch
        with self.compute_loss_context_manager():
            share = torch.as_tensor(
                labelled * self._guards.penalty() / step_labelled, device=self.args.device
            )
        if share.requires_grad:
            self.accelerator.backward(share)
        return share.detach()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hand the numbers of a step to the callbacks; the event log keeps them."""
        del start_time
        logs.update(self.losses.take())
        if "loss" in logs and self._processes.total([float(~self._losses_finite)]) != [0.0]:
            logs["loss"] = math.nan
            self._losses_finite = torch.tensor(data=True)
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: Module | None = None
    ) -> None:
        """Leave the weights alone: the worker has restored them."""
        del resume_from_checkpoint, model


class SourceLosses:
    """Loss and learned tokens of dataset and replay, apart, over all processes.

    Where there are several datasets, also of each of them.
    """

    def __init__(
        self, processes: ProcessGroup = SINGLE_PROCESS, datasets: Sequence[str] = ()
    ) -> None:
        """Start with nothing seen."""
        self._processes = processes
        self._sources = (*_SOURCES, *(_DATASET.format(name) for name in datasets))
        self._micro_batches: dict[str, list[tuple[Tensor, int]]] = {s: [] for s in self._sources}
        self._tokens = dict.fromkeys(self._sources, 0)

    def add(self, source: str, nll: Tensor, tokens: int) -> None:
        """Note the sum of losses and the labelled tokens of a micro batch."""
        self._micro_batches[source].append((nll.detach(), tokens))

    def take(self) -> dict[str, float]:
        """Means since the last call, such as ``loss_target``, and the ``replay_share`` so far."""
        own = [
            (float(sum(nll for nll, _ in batches)), sum(tokens for _, tokens in batches))
            for batches in self._micro_batches.values()
        ]
        sums = self._processes.total([number for pair in own for number in pair])
        means = {}
        for source, nll, tokens in zip(self._sources, sums[::2], sums[1::2], strict=True):
            self._tokens[source] += int(tokens)
            self._micro_batches[source].clear()
            if tokens:
                means[f"loss_{source}"] = nll / tokens
        return means | ({"replay_share": self.replay_share} if self._tokens["replay"] else {})

    @property
    def replay_share(self) -> float:
        """Share of replayed tokens in all that were learned so far."""
        total = sum(self._tokens[source] for source in _SOURCES)
        return self._tokens["replay"] / total if total else 0.0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, between two calls of :meth:`take`."""
        return dict(self._tokens)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self._micro_batches = {source: [] for source in self._sources}
        self._tokens = dict(state_dict)
