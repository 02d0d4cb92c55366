"""Micro batches that do not fit are cut, so that a step is the same step in less memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from workbench.core.errors import RunFailedError
from workbench.data.batches import split_batch
from workbench.data.rendering import IGNORE_INDEX
from workbench.models.auto_batch_size import DeviceMemoryError, out_of_memory
from workbench.training.checkpoint.rng_state import random_states, set_random_states

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor
    from torch.nn import Module
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.recipe.recipe import Recipe
    from workbench.training.checkpoint.write import Stateful
    from workbench.training.reporting.reporter import Reporter

    Batch = Mapping[str, Tensor]
    Learn = Callable[[Batch], Tensor]
    Penalise = Callable[[int], Tensor]


class MicroBatchSplitter(TrainerCallback):
    """Takes each micro batch whole or, once there was no memory for one, in parts.

    The loss is a sum over tokens, divided by those of the whole optimiser step, so that the
    gradients of the parts add up to that of the whole; the penalties are then taken once, apart. A
    try that fails leaves no trace: gradients, draws and what was noted of the losses go back to
    where the optimiser step began, and its micro batches are taken again in twice as many parts.

    Attributes:
        tokens_before: Of the Trainer's count, when the optimiser step began.
        random_before: Random states between the last optimiser step and this one.
        stepping: Whether the optimiser is at work.
    """

    def __init__(
        self, recipe: Recipe, reporter: Reporter, remembering: Mapping[str, Stateful]
    ) -> None:
        """Start without cutting; ``remembering`` is what notes something in a micro batch."""
        self._recipe = recipe
        self._reporter = reporter
        self._remembering = remembering
        self._parts = 1
        self._model: Module | None = None
        self._batches: list[Batch] = []
        self._start: dict[str, Any] = {}
        self._returned: Tensor | float = 0.0
        self._tried: Batch = {}
        self._penalising = False
        self.tokens_before = 0
        self.random_before: dict[str, Any] = {}
        self.stepping = False

    @property
    def whole(self) -> bool:
        """Whether micro batches are taken whole, their share of the penalties with them."""
        return self._parts == 1

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember where the first step begins."""
        del args, control
        self._model = kwargs["model"]
        self._begin(state)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """From here on weights may move."""
        del args, state, control, kwargs
        self.stepping = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember where the next step begins."""
        del args, control, kwargs
        self._begin(state)

    def _begin(self, state: TrainerState) -> None:
        self.stepping = False
        self._batches = []
        self._returned = 0.0
        self.tokens_before = state.num_input_tokens_seen
        self.random_before = random_states()

    def take(self, batch: Batch, learn: Learn, penalise: Penalise) -> Tensor:
        """Add the gradients of a micro batch, and return its share of the step's loss.

        Args:
            batch: The micro batch.
            learn: Forward and backward through some rows; with the penalties while :attr:`whole`.
            penalise: Forward and backward through the penalties, for so many learned tokens.

        Raises:
            NoRoomError: There is no memory even for a single row.
            RunFailedError: There is no memory, and other processes wait for this one's gradients.
        """
        if not self._batches:
            self._start = {name: part.state() for name, part in self._remembering.items()}
            self._start_random = random_states()
        self._batches.append(batch)
        loss = self._try([batch], learn, penalise)
        if loss is None:
            loss = self._again(learn, penalise) - self._returned
        self._returned = self._returned + loss
        return loss

    def _again(self, learn: Learn, penalise: Penalise) -> Tensor:
        """Take all micro batches of this optimiser step again, in smaller parts; their loss."""
        while True:
            self._go_back()
            self._cut_smaller()
            loss = self._try(self._batches, learn, penalise)
            if loss is not None:
                return loss

    def _try(self, batches: list[Batch], learn: Learn, penalise: Penalise) -> Tensor | None:
        """Their loss, their gradients added; None where there was no memory."""
        try:
            return torch.stack([self._one(batch, learn, penalise) for batch in batches]).sum()
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            return None  # what was computed is free only where this clause has been left

    def _one(self, batch: Batch, learn: Learn, penalise: Penalise) -> Tensor:
        self._tried, self._penalising = batch, False
        if self.whole:
            return learn(batch)
        loss = torch.stack([learn(part) for part in split_batch(batch, self._parts)]).sum()
        self._penalising = True
        return loss + penalise(int((batch["labels"][:, 1:] != IGNORE_INDEX).sum()))

    def _go_back(self) -> None:
        """Undo what the failed try left behind."""
        assert self._model is not None  # noqa: S101 - narrows for mypy
        self._model.zero_grad()
        torch.cuda.empty_cache()
        for name, part in self._remembering.items():
            part.resume(self._start[name])
        set_random_states(self._start_random)

    def _cut_smaller(self) -> None:
        rows = len(self._tried["labels"])
        before, parts = math.ceil(rows / self._parts), 2 * self._parts
        if _processes() > 1:
            raise RunFailedError(_TOGETHER)
        if self._penalising:
            raise DeviceMemoryError(self._no_room_for_penalties())
        if before == 1 and not self.whole:
            raise DeviceMemoryError(self._no_room_for_a_row())
        self._parts = parts
        at_once = math.ceil(rows / parts)
        self._reporter.event(
            "notice",
            level="warning",
            text=self._told(before, at_once),
            rows_at_once=at_once,
            parts=parts,
        )

    def _told(self, before: int, at_once: int) -> str:
        if before == 1:
            return "no memory for 1 row and the penalties at once: from now on one after the other"
        training = self._recipe.training
        effective = training.micro_batch_size * training.gradient_accumulation_steps
        return (
            f"no memory for {before} rows at once: from now on {at_once}, with {self._parts} times "
            f"the accumulation; the effective batch stays {effective}"
        )

    def _no_room_for_a_row(self) -> str:
        longest = int(self._tried["attention_mask"].sum(1).max())
        training = self._recipe.training
        ways = ["lower training.sequence_length"]
        if not training.gradient_checkpointing:
            ways.append("set training.gradient_checkpointing")
        if self._recipe.strategy.quantization() is None:
            ways.append("take strategy.kind=qlora")
        return f"no memory for a single row of {longest:,} tokens: {_either(ways)}"

    def _no_room_for_penalties(self) -> str:
        active = [f"retention.{kind}" for kind in self._recipe.retention.active()]
        return (
            f"no memory for the penalties of {', '.join(active)}, not even apart from the rows: "
            f"{_either(['switch one of them off', 'lower retention.kl.batch_size'])}"
        )

    def state(self) -> dict[str, Any]:
        """In how many parts micro batches are taken."""
        return {"parts": self._parts}

    def resume(self, state: dict[str, Any]) -> None:
        """Cut them like that from the start."""
        self._parts = state["parts"]


_TOGETHER = (
    "no memory for a micro batch on this GPU, and with several processes none can cut its own "
    "while the others wait: lower training.micro_batch_size and raise "
    "training.gradient_accumulation_steps by as much"
)


def _processes() -> int:
    distributed = torch.distributed
    return (
        distributed.get_world_size()
        if distributed.is_available() and distributed.is_initialized()
        else 1
    )


def _either(ways: list[str]) -> str:
    """``one, two or three``."""
    *first, last = ways
    return f"{', '.join(first)} or {last}" if first else last
