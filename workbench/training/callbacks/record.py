"""Every step's numbers, written to status.json and the event log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.training.callbacks.session import TrainingSession
    from workbench.training.guards import GuardSet
    from workbench.training.reporting.memory_monitor import MemoryMonitor

_BY_SOURCE = ("loss_target", "loss_replay", "replay_share")
_DATASET_LOSS = "loss_of_"
"""The loss of one of several datasets, before the dataset's name."""


class RecordCallback(TrainerCallback):
    """Records how far training is, and what each step came to."""

    def __init__(self, session: TrainingSession, guards: GuardSet, memory: MemoryMonitor) -> None:
        self._session = session
        self._guards = guards
        self._memory = memory

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Report that the run trains, and from which step; the training clock starts here."""
        del args, control, kwargs
        reporter = self._session.reporter
        reporter.step(state.global_step, state.max_steps)
        reporter.set_state("running")
        reporter.phase("training")
        self._session.clock.start()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the step into the status, so that every event that follows carries it."""
        del args, control, kwargs
        with self._session.clock.paused():
            self._session.reporter.step(state.global_step, state.max_steps)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Record one step; the Trainer's closing summary has no loss and is left out."""
        del args, control
        logs: dict[str, float] = kwargs["logs"]
        if "loss" not in logs:
            return
        with self._session.clock.paused():
            self._memory.record_all()
            self._record_step(state, logs)
            if numbers := self._guards.logs():
                self._session.reporter.event("penalty", **numbers)

    def _record_step(self, state: TrainerState, logs: dict[str, float]) -> None:
        seconds = self._session.clock.seconds
        tokens = state.num_input_tokens_seen
        steps_left = state.max_steps - state.global_step
        self._session.reporter.event(
            "train",
            loss=logs["loss"],
            learning_rate=logs["learning_rate"],
            gradient_norm=float(logs["grad_norm"]),
            epoch=state.epoch,
            tokens=tokens,
            tokens_per_second=tokens / seconds,
            seconds_left=seconds / state.global_step * steps_left,
            **{name: logs[name] for name in _BY_SOURCE if self._guards.active and name in logs},
            **{name: loss for name, loss in logs.items() if name.startswith(_DATASET_LOSS)},
        )
