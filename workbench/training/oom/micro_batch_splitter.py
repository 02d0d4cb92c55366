"""Micro batches that do not fit are split, so that a step is the same step in less memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from workbench.core.errors import RunFailedError
from workbench.data.batches import split_batch
from workbench.data.rendering import IGNORE_INDEX
from workbench.models.auto_batch_size import DeviceMemoryError, out_of_memory
from workbench.training.checkpoint.rng_state import get_rng_states, set_rng_states

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor
    from torch.nn import Module
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.recipe.recipe import Recipe
    from workbench.training.checkpoint.write import Stateful
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.reporting.reporter import Reporter

    Batch = Mapping[str, Tensor]
    ForwardBackward = Callable[[Batch], Tensor]
    PenaltyBackward = Callable[[int], Tensor]


class MicroBatchSplitter(TrainerCallback):
    """Computes the gradients of each micro batch at once or, after running out of memory, in parts.

    The loss is a sum over tokens, divided by those of the whole optimiser step, so the gradients of
    the parts add up to that of the whole; the penalties are then computed once, apart from the
    rows. When memory runs out

    1. everything goes back to where the optimiser step began: gradients, random states, and what
       others noted of the losses;
    2. micro batches are split into twice as many parts from now on, or the run fails where that
       cannot help;
    3. all micro batches of this optimiser step are computed again.

    Attributes:
        tokens_before: The Trainer's count of tokens when the optimiser step began.
        rng_before: Random states between the last optimiser step and this one.
        in_optimizer_step: Whether the optimiser is moving weights.
    """

    def __init__(
        self,
        recipe: Recipe,
        reporter: Reporter,
        processes: ProcessGroup,
        stateful: Mapping[str, Stateful],
    ) -> None:
        """Start without splitting.

        Args:
            recipe: The run's.
            reporter: Takes the notices.
            processes: Those that train together; several cannot split.
            stateful: What changes its state during a micro batch, by name.
        """
        self._recipe = recipe
        self._reporter = reporter
        self._processes = processes
        self._stateful = stateful
        self._parts = 1
        self._model: Module | None = None
        # Of the optimiser step in progress:
        self._batches: list[Batch] = []
        self._start_states: dict[str, Any] = {}
        self._start_rng: dict[str, Any] = {}
        self._returned: Tensor | float = 0.0
        # Of the micro batch in progress:
        self._batch: Batch = {}
        self._in_penalties = False
        self.tokens_before = 0
        self.rng_before: dict[str, Any] = {}
        self.in_optimizer_step = False

    @property
    def is_whole(self) -> bool:
        """Whether micro batches are computed at once, their share of the penalties with them."""
        return self._parts == 1

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember where the first step begins."""
        del args, control
        self._model = kwargs["model"]
        self._begin_step(state)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """From here on weights may move."""
        del args, state, control, kwargs
        self.in_optimizer_step = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember where the next step begins."""
        del args, control, kwargs
        self._begin_step(state)

    def _begin_step(self, state: TrainerState) -> None:
        self.in_optimizer_step = False
        self._batches = []
        self._returned = 0.0
        self.tokens_before = state.num_input_tokens_seen
        self.rng_before = get_rng_states()

    def run(self, batch: Batch, rows: ForwardBackward, penalties: PenaltyBackward) -> Tensor:
        """Add the gradients of a micro batch, and return its share of the step's loss.

        Args:
            batch: The micro batch.
            rows: Forward and backward through some rows; with the penalties while
                :attr:`is_whole`.
            penalties: Forward and backward through the penalties, for that many labelled tokens.

        Raises:
            DeviceMemoryError: Not even a single row fits.
            RunFailedError: Memory ran out, and other processes wait for this one's gradients.
        """
        if not self._batches:
            self._start_states = {name: part.state_dict() for name, part in self._stateful.items()}
            self._start_rng = get_rng_states()
        self._batches.append(batch)
        loss = self._try([batch], rows, penalties)
        while loss is None:
            self._roll_back()
            self._split_further()
            step_loss = self._try(self._batches, rows, penalties)
            loss = None if step_loss is None else step_loss - self._returned
        self._returned = self._returned + loss
        return loss

    def _try(
        self, batches: list[Batch], rows: ForwardBackward, penalties: PenaltyBackward
    ) -> Tensor | None:
        """Add the gradients of ``batches`` and return their loss; None when memory runs out."""
        try:
            losses = [self._forward_backward(batch, rows, penalties) for batch in batches]
            return torch.stack(losses).sum()
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            return None  # the caller continues outside of this clause, where the tensors are free

    def _forward_backward(
        self, batch: Batch, rows: ForwardBackward, penalties: PenaltyBackward
    ) -> Tensor:
        self._batch, self._in_penalties = batch, False
        if self.is_whole:
            return rows(batch)
        loss = torch.stack([rows(part) for part in split_batch(batch, self._parts)]).sum()
        self._in_penalties = True
        return loss + penalties(int((batch["labels"][:, 1:] != IGNORE_INDEX).sum()))

    def _roll_back(self) -> None:
        """Go back to where the optimiser step began."""
        assert self._model is not None  # noqa: S101 - narrows for mypy
        self._model.zero_grad()
        torch.cuda.empty_cache()
        for name, part in self._stateful.items():
            part.load_state_dict(self._start_states[name])
        set_rng_states(self._start_rng)

    def _split_further(self) -> None:
        rows = len(self._batch["labels"])
        size = math.ceil(rows / self._parts)
        if self._processes.size > 1:
            raise RunFailedError(_OTHERS_WAIT)
        if self._in_penalties:
            raise DeviceMemoryError(self._no_memory_for_penalties())
        if size == 1 and not self.is_whole:
            raise DeviceMemoryError(self._no_memory_for_a_row())
        self._parts *= 2
        smaller = math.ceil(rows / self._parts)
        self._reporter.event(
            "notice",
            level="warning",
            text=self._split_notice(size, smaller),
            micro_batch_size=smaller,
            parts=self._parts,
        )

    def _split_notice(self, before: int, after: int) -> str:
        if before == 1:
            return "out of memory: micro batch stays 1, penalties are computed apart from it"
        training = self._recipe.training
        effective = training.micro_batch_size * training.gradient_accumulation_steps
        return (
            f"out of memory: micro batch {before} → {after}, accumulation doubled; "
            f"the effective batch stays {effective}"
        )

    def _no_memory_for_a_row(self) -> str:
        tokens = int(self._batch["attention_mask"].sum(1).max())
        training = self._recipe.training
        remedies = ["lower training.sequence_length"]
        if not training.gradient_checkpointing:
            remedies.append("set training.gradient_checkpointing")
        if self._recipe.strategy.quantization() is None:
            remedies.append("use strategy.kind=qlora")
        return f"out of memory at micro batch 1, a row of {tokens:,} tokens: {_any_of(remedies)}"

    def _no_memory_for_penalties(self) -> str:
        active = [f"retention.{kind}" for kind in self._recipe.retention.active()]
        remedies = ["switch one of them off", "lower retention.kl.batch_size"]
        return (
            f"out of memory for the penalties of {', '.join(active)}, even apart from the rows: "
            f"{_any_of(remedies)}"
        )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"parts": self._parts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self._parts = state_dict["parts"]


_OTHERS_WAIT = (
    "out of memory on this GPU; with several processes none can split its micro batch while the "
    "others wait: lower training.micro_batch_size and raise training.gradient_accumulation_steps "
    "by the same factor"
)


def _any_of(remedies: list[str]) -> str:
    """``one, two or three``."""
    *first, last = remedies
    return f"{', '.join(first)} or {last}" if first else last
