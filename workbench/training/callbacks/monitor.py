"""Watches a training run from inside: what it records, and what the user asks of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from transformers import TrainerCallback

from workbench.core.errors import MachineError
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.loss import mean_nll
from workbench.retention.base import Evaluation
from workbench.runs.control import take_requests
from workbench.training.budget_pause import wait_for_answer
from workbench.training.checkpoint.resume import machinery
from workbench.training.checkpoint.schedule import CheckpointSchedule
from workbench.training.nonfinite_guard import NonfiniteGuard
from workbench.training.result import broken_weight
from workbench.training.stop_watch import StopWatch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from torch.nn import Module
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.runs.control import Request
    from workbench.training.callbacks.retention_watch import RetentionWatch
    from workbench.training.checkpoint.write import Checkpointer
    from workbench.training.distributed.fsdp import Weights
    from workbench.training.protections import GuardSet
    from workbench.training.reporting.memory_monitor import MemoryMonitor
    from workbench.training.reporting.reporter import Reporter

Look: TypeAlias = Literal["loss", "kl", "canaries"]
"""What can be looked at between two steps."""

_BY_SOURCE = ("loss_target", "loss_replay", "replay_share")


class Monitor(TrainerCallback):
    """Writes every step's numbers, evaluates, checkpoints, and obeys the control folder."""

    def __init__(
        self,
        checkpointer: Checkpointer,
        reporter: Reporter,
        guards: GuardSet,
        watch: RetentionWatch,
        weights: Weights,
        memory: MemoryMonitor,
    ) -> None:
        """Watch the run that ``checkpointer`` writes the checkpoints of, and its ``weights``."""
        self._checkpointer = checkpointer
        self._run = checkpointer.run
        self._recipe = checkpointer.recipe
        self._processes = checkpointer.processes
        self._reporter = reporter
        self._heldout = watch.evaluator.asked.heldout
        self._guards = guards
        self._watch = watch
        self._weights = weights
        self._memory = memory
        warn = partial(reporter.notice, level="warning")
        self._loss_room = AutoBatchSize(
            "the held-out loss", self._recipe.training.micro_batch_size, warn
        )
        self._clock = StopWatch()
        self._rhythm = CheckpointSchedule(self._recipe.training)
        self._finite = NonfiniteGuard(self._recipe.training.on_nonfinite, reporter)
        self._asked: set[Request] = set()
        self.best_step = 0
        self.stop_asked = False
        self._judged = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say that the run is under way, and where it starts from."""
        del args
        self._reporter.step(state.global_step, state.max_steps)
        self._reporter.state("running")
        self._reporter.phase("training")
        if state.global_step == 0:
            self._look_at_the_base(kwargs["model"], control)
        self._rhythm.begin()
        self._clock.go()

    def on_pre_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Let no broken gradient reach the weights."""
        del args, state, control
        self._finite.protect(kwargs["model"], kwargs["optimizer"])

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> TrainerControl:
        """Measure and obey; the time this takes is not counted as training time."""
        del args
        step, last = state.global_step, state.global_step == state.max_steps
        self._clock.pause()
        self._reporter.step(step, state.max_steps)
        self._asked = self._processes.from_main(lambda: set(take_requests(self._run)))
        due = self._due(step)
        wanted = set(due)
        if "evaluate" in self._asked:
            wanted |= {"loss", "kl", "canaries"}
        if last and self._recipe.evaluation.retention_interval:
            wanted |= {"kl"}
        if last or not wanted.isdisjoint(self._guards.judges):
            wanted |= self._guards.judges
        ends = last or "stop" in self._asked
        self._asked |= self._look(kwargs["model"], wanted, control, due=due, ends=ends)
        if "stop" in self._asked and not last:
            self._stop(control)
            self._judged = self._guards.judges <= wanted
        self._memory.step()
        self._clock.go()
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Record one step, and keep it; the Trainer's closing summary has no loss and is left out.

        A stopped run is judged after its checkpoint is written, because a resumed one goes on as
        if it had not been.
        """
        del args
        logs: dict[str, float] = kwargs["logs"]
        if "loss" not in logs:
            return
        self._clock.pause()
        self._record(state, logs)
        self._finite.judge(logs, kwargs["optimizer"])
        if self.stop_asked or self._rhythm.by_steps(state.global_step):
            self.checkpoint(state, kwargs)
        elif self._processes.from_main(
            lambda: "checkpoint" in self._asked or self._rhythm.by_time()
        ):
            self._try_checkpoint(state, kwargs)
        if self.stop_asked and not self._judged:
            self._look(kwargs["model"], self._guards.judges, control, due=(), ends=True)
        self._clock.go()

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

    def _due(self, step: int) -> set[Look]:
        """What the recipe wants measured at a step."""
        evaluation = self._recipe.evaluation
        intervals: dict[Look, int] = {
            "loss": self._recipe.training.eval_steps if step else 0,
            "kl": evaluation.retention_interval,
            "canaries": evaluation.canary_interval,
        }
        return {name for name, interval in intervals.items() if _is_due(step, interval)}

    def _look(
        self,
        model: Module,
        wanted: Collection[Look],
        control: TrainerControl,
        *,
        due: Collection[Look],
        ends: bool = False,
    ) -> set[Request]:
        """Measure what is wanted and obey what the guards make of it; what the user asked then."""
        looks = bool(wanted) and (self._processes.is_main or self._weights.sharded)
        found = self._measure(model, wanted, due) if looks else Evaluation()
        if "evaluate" in self._asked:
            self._asked.discard("evaluate")
            self._answer(found.loss, found.kl)
        judges = self._guards.judges
        if not judges or not judges <= set(wanted):
            return set()
        verdict = self._processes.from_main(lambda: self._guards.evaluated(found))
        if verdict.best:
            self._keep_best()
        if verdict.warning:
            self._reporter.notice(verdict.warning, level="warning")
        if verdict.stop:
            self._reporter.notice(f"stopping early: {verdict.stop}")
            control.should_training_stop = True
        if verdict.pause and not ends:
            return self._processes.from_main(
                lambda: wait_for_answer(self._run, self._reporter, verdict.pause)
            )
        if verdict.pause:
            self._reporter.notice(verdict.pause, level="warning")
        return set()

    def _measure(
        self, model: Module, wanted: Collection[Look], due: Collection[Look]
    ) -> Evaluation:
        loss = self._loss(model) if "loss" in wanted else None
        kl = self._watch.measure(model) if "kl" in wanted else None
        if "canaries" in wanted:
            self._watch.ask_canaries(model)
        counted = frozenset(name for name in self._guards.judges if name in due)
        return Evaluation(loss=loss, kl=kl, due=counted)

    def _keep_best(self) -> None:
        """Keep these weights, unless they may never take the place of good ones; that is said."""
        model = self._weights.whole()
        if name := self._processes.from_main(lambda: broken_weight(model)):
            self._reporter.notice(f"not kept as the best: {name} is not finite", level="warning")
            return
        if self._processes.is_main:
            self._reporter.retry_when_disk_full(lambda: self._checkpointer.best.keep(model))
        self.best_step = self._reporter.status.step

    def _look_at_the_base(self, model: Module, control: TrainerControl) -> None:
        due = self._due(0)
        wanted = set(due)
        if "kl" in self._guards.judges:
            wanted |= self._guards.judges
        if "stop" in self._look(model, wanted, control, due=due):
            self._stop(control)

    def _stop(self, control: TrainerControl) -> None:
        self.stop_asked = True
        self._reporter.state("stopping", "asked to stop")
        control.should_training_stop = True

    def _answer(self, loss: float | None, kl: float | None) -> None:
        """Tell those who asked for an evaluation what came of it."""
        known = {"held-out loss": loss, "KL to base": kl}
        found = ", ".join(
            f"{name} {value:.4f}" for name, value in known.items() if value is not None
        )
        text = found or "nothing, the recipe has neither held-out rows nor general text"
        self._reporter.event(
            "notice",
            level="info",
            text=f"measured on request: {text}",
            answers="evaluate",
            loss=loss,
            kl=kl,
        )

    def _loss(self, model: Module) -> float | None:
        if not self._heldout:
            return None
        loss = self._loss_room.run_or_skip(lambda at_once: mean_nll(model, self._heldout, at_once))
        if loss is not None:
            self._reporter.event("eval", loss=loss)
        return loss

    def checkpoint(
        self, state: TrainerState, kwargs: Mapping[str, Any], *, patient: bool = True
    ) -> None:
        """Write one, with ``optimizer`` and ``lr_scheduler`` as they are now.

        Args:
            state: How far training is.
            kwargs: What transformers gives its callbacks.
            patient: Wait for room where the disk is full.

        Raises:
            RunFailedError: A trained weight is not finite; nothing is written.
            MachineError: It cannot be written.
        """
        moving = machinery(kwargs["optimizer"], kwargs["lr_scheduler"], self._weights)
        model, gathered = self._weights.whole(), self._checkpointer.gather(moving)

        def save() -> Path:
            return self._checkpointer.save(model, gathered, state, self.best_step)

        folder = self._reporter.retry_when_disk_full(save) if patient else save()
        self._reporter.event("checkpoint", path=f"checkpoints/{folder.name}")
        self._rhythm.begin()

    def _try_checkpoint(self, state: TrainerState, kwargs: Mapping[str, Any]) -> None:
        """Write one that the recipe does not name: the run is worth more than its checkpoint.

        A run that has no room for what nobody may ever need does not stand still for it.
        """
        try:
            self.checkpoint(state, kwargs, patient=False)
        except MachineError as error:
            self._rhythm.begin()
            text = f"{error}; training goes on without it"
            self._reporter.event("notice", level="warning", text=text, answers="checkpoint")

    def state(self) -> dict[str, Any]:
        """What it remembers from step to step."""
        return {
            "clock": self._clock.state(),
            "finite": self._finite.state(),
            "best_step": self.best_step,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Take it back."""
        self._clock.resume(state["clock"])
        self._finite.resume(state["finite"])
        self.best_step = state["best_step"]


def _is_due(step: int, interval: int) -> bool:
    return interval > 0 and step % interval == 0
