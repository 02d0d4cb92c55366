"""Watches a training run from inside: what it records, and what the user asks of it."""

from __future__ import annotations

import math
import shutil
import time
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from workbench.errors import RunFailedError
from workbench.hardware.readings import read_memory
from workbench.runs.control import take
from workbench.training.best import BestWeights
from workbench.training.device import cuda_use
from workbench.training.loss import mean_nll
from workbench.training.result import save_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.recipe.recipe import Recipe
    from workbench.recipe.training import TrainingSection
    from workbench.runs.folder import RunFolder
    from workbench.training.guards import Guards
    from workbench.training.reporter import Reporter

_BY_SOURCE = ("loss_target", "loss_replay", "replay_share")
_MEMORY_INTERVAL = 0.5
"""Seconds between two memory readings."""


class Monitor(TrainerCallback):
    """Writes every step's numbers, evaluates, checkpoints, and obeys the control folder."""

    def __init__(
        self,
        run: RunFolder,
        recipe: Recipe,
        reporter: Reporter,
        heldout: Sequence[dict[str, Tensor]],
        guards: Guards,
    ) -> None:
        """Watch a run; ``heldout`` are the batches the evaluation loss is taken on."""
        self._run = run
        self._recipe = recipe
        self._reporter = reporter
        self._heldout = heldout
        self._guards = guards
        self.best = BestWeights(run.checkpoints)
        self._clock = StopWatch()
        self._memory_read = 0.0
        self.stop_asked = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Say that the run is under way."""
        del args, control
        self._reporter.step(0, state.max_steps)
        self._reporter.state("running")
        self._reporter.phase("training")
        self._clock.go()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> TrainerControl:
        """Measure and obey; the time this takes is not counted as training time."""
        del args
        model: Module = kwargs["model"]
        self._clock.pause()
        self._reporter.step(state.global_step, state.max_steps)
        asked = take(self._run)
        last = state.global_step == state.max_steps
        due = self._due(state.global_step, self._training.evaluation_interval)
        if "evaluate" in asked or due or (last and self._guards.judge):
            self._evaluate(model, control)
        if "checkpoint" in asked or self._due(
            state.global_step, self._training.checkpoint_interval
        ):
            self._checkpoint(model, state.global_step)
        if "stop" in asked and not last:
            self.stop_asked = True
            self._reporter.state("stopping", "asked to stop")
            control.should_training_stop = True
        self._read_memory()
        self._clock.go()
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Record one step; the Trainer's closing summary carries no loss and is left out."""
        del args, control
        logs: dict[str, float] = kwargs["logs"]
        if "loss" not in logs:
            return
        self._record(state, logs)
        if not math.isfinite(logs["loss"]):
            raise RunFailedError(
                f"training diverged at step {state.global_step}: the loss is {logs['loss']}; "
                "lower the learning rate"
            )

    def _record(self, state: TrainerState, logs: dict[str, float]) -> None:
        seconds = self._clock.seconds
        tokens = state.num_input_tokens_seen
        self._reporter.event(
            "train",
            loss=logs["loss"],
            learning_rate=logs["learning_rate"],
            gradient_norm=float(logs["grad_norm"]),
            epoch=state.epoch,
            tokens=tokens,
            tokens_per_second=tokens / seconds,
            seconds_left=seconds / state.global_step * (state.max_steps - state.global_step),
            **{name: logs[name] for name in _BY_SOURCE if self._guards.active and name in logs},
        )
        if numbers := self._guards.numbers():
            self._reporter.event("penalty", **numbers)

    @property
    def _training(self) -> TrainingSection:
        return self._recipe.training

    @staticmethod
    def _due(step: int, interval: int) -> bool:
        return interval > 0 and step % interval == 0

    def _evaluate(self, model: Module, control: TrainerControl) -> None:
        if not self._heldout:
            return
        loss = mean_nll(model, self._heldout)
        self._reporter.event("eval", loss=loss)
        verdict = self._guards.evaluated(loss)
        if verdict.best:
            self.best.keep(model)
        if verdict.stop:
            self._reporter.notice(f"stopping early: {verdict.stop}")
            control.should_training_stop = True

    def _checkpoint(self, model: Module, step: int) -> None:
        folder = self._run.checkpoints / f"step-{step}"
        save_result(self._recipe.strategy, model, folder)
        self._reporter.event("checkpoint", path=f"checkpoints/{folder.name}")
        steps = sorted(self._run.checkpoints.glob("step-*"), key=lambda path: int(path.name[5:]))
        for old in steps[: -self._training.checkpoints_kept]:
            shutil.rmtree(old)

    def _read_memory(self) -> None:
        if time.monotonic() - self._memory_read >= _MEMORY_INTERVAL:
            self._memory_read = time.monotonic()
            self._reporter.event("memory", **read_memory(cuda_use()))


class StopWatch:
    """Counts only the time between :meth:`go` and :meth:`pause`."""

    def __init__(self) -> None:
        """Start at zero, standing still."""
        self._counted = 0.0
        self._since: float | None = None

    def go(self) -> None:
        """Count from now on."""
        self._since = time.monotonic()

    def pause(self) -> None:
        """Stop counting."""
        self._counted = self.seconds
        self._since = None

    @property
    def seconds(self) -> float:
        """What was counted so far."""
        running = 0.0 if self._since is None else time.monotonic() - self._since
        return self._counted + running
