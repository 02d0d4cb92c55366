"""Evaluating between steps, and what the guards decide from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from transformers import TrainerCallback

from workbench.retention.base import Evaluation
from workbench.training.result import nonfinite_weight

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from torch.nn import Module
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.retention.base import GuardDecision
    from workbench.training.callbacks.control import ControlCallback
    from workbench.training.callbacks.metrics import TrainingMetrics
    from workbench.training.callbacks.session import TrainingSession
    from workbench.training.checkpoint.best import BestWeights
    from workbench.training.distributed.fsdp import TrainedModel
    from workbench.training.guards import GuardSet

Metric: TypeAlias = Literal["loss", "kl", "canaries"]

_ALL: frozenset[Metric] = frozenset({"loss", "kl", "canaries"})
_NONE: frozenset[Metric] = frozenset()


class EvaluateCallback(TrainerCallback):
    """Measures what is due, asked for or needed by the guards, and obeys what they decide."""

    def __init__(
        self,
        session: TrainingSession,
        control: ControlCallback,
        metrics: TrainingMetrics,
        guards: GuardSet,
        trained: TrainedModel,
        best: BestWeights,
    ) -> None:
        """Evaluate one run.

        Args:
            session: The run while it trains.
            control: Asks the user where a guard wants them to decide.
            metrics: Measures.
            guards: The protections; some of them decide by measurements.
            trained: The model.
            best: Keeps the best weights.
        """
        self._session = session
        self._control = control
        self._metrics = metrics
        self._guards = guards
        self._trained = trained
        self._best = best
        self._judged_last_step = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure the untouched base, where the run starts from it."""
        del args
        if state.global_step:
            return
        with self._session.clock.paused():
            due = self._due(0)
            decides_by = self._guards.decides_by
            wanted = due | decides_by if "kl" in decides_by else due
            self._evaluate(kwargs["model"], wanted, control, due=due)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure what is wanted after this step; the guards always judge the last one."""
        del args
        session, decides_by = self._session, self._guards.decides_by
        with session.clock.paused():
            last = state.global_step == state.max_steps
            due = self._due(state.global_step)
            wanted = due
            if "evaluate" in session.requests:
                wanted |= _ALL
            if last and session.recipe.evaluation.retention_steps:
                wanted |= {"kl"}
            if last or not wanted.isdisjoint(decides_by):
                wanted |= decides_by
            ending = last or session.stopping
            self._evaluate(kwargs["model"], wanted, control, due=due, ending=ending)
            self._judged_last_step = decides_by <= wanted

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Judge the model of a run that the user stopped, where its last step was not judged."""
        del args, state
        if self._session.stopping and not self._judged_last_step:
            with self._session.clock.paused():
                self._evaluate(
                    kwargs["model"], self._guards.decides_by, control, due=_NONE, ending=True
                )

    def _due(self, step: int) -> frozenset[Metric]:
        """What the recipe wants measured after ``step``."""
        recipe = self._session.recipe
        intervals: dict[Metric, int] = {
            "loss": recipe.training.eval_steps if step else 0,
            "kl": recipe.evaluation.retention_steps,
            "canaries": recipe.evaluation.canary_steps,
        }
        return frozenset(
            metric
            for metric, interval in intervals.items()
            if interval > 0 and step % interval == 0
        )

    def _evaluate(
        self,
        model: Module,
        wanted: AbstractSet[Metric],
        control: TrainerControl,
        *,
        due: AbstractSet[Metric],
        ending: bool = False,
    ) -> None:
        """Measure what is wanted, answer the user, and do what the guards decide.

        A sharded model needs every process to measure it; a replicated one is measured by the main
        process, which decides for all.
        """
        session, decides_by = self._session, self._guards.decides_by
        measures = bool(wanted) and (session.processes.is_main or self._trained.sharded)
        evaluation = self._measure(model, wanted, due) if measures else Evaluation()
        if "evaluate" in session.requests:
            session.requests.discard("evaluate")
            self._answer(evaluation)
        if decides_by and decides_by <= wanted:
            decision = session.processes.from_main(lambda: self._guards.decide(evaluation))
            self._obey(decision, control, ending=ending)

    def _measure(
        self, model: Module, wanted: AbstractSet[Metric], due: AbstractSet[Metric]
    ) -> Evaluation:
        loss = self._metrics.heldout_loss(model) if "loss" in wanted else None
        drift = self._metrics.retention(model) if "kl" in wanted else {}
        if "canaries" in wanted:
            self._metrics.canaries(model)
        return Evaluation(
            loss=loss,
            kl=drift.get("kl"),
            kl_error=drift.get("kl_error"),
            due=self._guards.decides_by & due,
        )

    def _obey(self, decision: GuardDecision, control: TrainerControl, *, ending: bool) -> None:
        reporter = self._session.reporter
        if decision.best:
            self._keep_best()
        if decision.warning:
            reporter.notice(decision.warning, level="warning")
        if decision.stop:
            reporter.notice(f"stopping early: {decision.stop}")
            control.should_training_stop = True
        if decision.pause and not ending:
            self._control.ask_user(decision.pause, control)
        elif decision.pause:
            reporter.notice(decision.pause, level="warning")

    def _keep_best(self) -> None:
        """Keep these weights as the best so far, unless one of them is not finite."""
        session, model = self._session, self._trained.gathered()
        reporter = session.reporter
        if name := session.processes.from_main(lambda: nonfinite_weight(model)):
            reporter.notice(f"not kept as the best: {name} is not finite", level="warning")
        elif session.processes.is_main:
            reporter.retry_when_disk_full(lambda: self._best.keep(model, reporter.status.step))

    def _answer(self, evaluation: Evaluation) -> None:
        """Report the numbers to the user who asked for them."""
        numbers = {"held-out loss": evaluation.loss, "KL to base": evaluation.kl}
        listed = ", ".join(
            f"{name} {value:.4f}" for name, value in numbers.items() if value is not None
        )
        text = listed or "nothing, the recipe has neither held-out rows nor general text"
        self._session.reporter.event(
            "notice",
            level="info",
            text=f"measured on request: {text}",
            answers="evaluate",
            loss=evaluation.loss,
            kl=evaluation.kl,
        )
