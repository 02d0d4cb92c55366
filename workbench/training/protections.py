"""The protections at work in one run, as the trainer and the monitor see them: as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from workbench.retention.base import GuardDecision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.retention.base import Evaluation, Guard, Metric, ReplayMix


class GuardSet(TrainerCallback):
    """Adds their penalties up, passes every step on to them, and collects their numbers."""

    def __init__(self, guards: Sequence[Guard] = ()) -> None:
        """Take the guards that are on."""
        self._guards = guards

    @property
    def active(self) -> bool:
        """Whether any protection is on."""
        return bool(self._guards)

    @property
    def mix(self) -> ReplayMix | None:
        """Rows to train on beside the dataset's."""
        return next((guard.mix for guard in self._guards if guard.mix), None)

    def attach(self, model: Module) -> None:
        """Hand them the prepared model."""
        for guard in self._guards:
            guard.attach(model)

    def divide(self, rank: int, size: int) -> None:
        """Let each draw its share of what several processes draw together."""
        for guard in self._guards:
            guard.shard(rank, size)

    def penalty(self) -> Tensor | float:
        """Sum of what is added to the loss, in nats per token."""
        penalties = (guard.penalty() for guard in self._guards)
        return sum(penalty for penalty in penalties if penalty is not None)

    def on_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Let them correct the weights at the learning rate of the step just taken."""
        del args, state, control
        for guard in self._guards:
            guard.after_optimizer_step(kwargs["optimizer"].param_groups[0]["lr"])

    def numbers(self) -> dict[str, float]:
        """What they have to say of the last step."""
        return {name: value for guard in self._guards for name, value in guard.logs().items()}

    @property
    def judges(self) -> frozenset[Metric]:
        """What they judge by, together; empty where none does."""
        return frozenset().union(*(guard.decides_by for guard in self._guards))

    def evaluated(self, evaluation: Evaluation) -> GuardDecision:
        """What they make of an evaluation: the best is what none of them calls worse."""
        verdicts = [guard.on_evaluate(evaluation) for guard in self._guards if guard.decides_by]
        opinions = [verdict.best for verdict in verdicts if verdict.best is not None]
        return GuardDecision(
            best=all(opinions) if opinions else None,
            stop=_joined(verdict.stop for verdict in verdicts),
            pause=_joined(verdict.pause for verdict in verdicts),
            warning=_joined(verdict.warning for verdict in verdicts),
        )

    def state(self) -> dict[str, Any]:
        """What each remembers, in their order."""
        return {"guards": [guard.state_dict() for guard in self._guards]}

    def resume(self, state: dict[str, Any]) -> None:
        """Give each its own back."""
        for guard, own in zip(self._guards, state["guards"], strict=True):
            guard.load_state_dict(own)


def _joined(reasons: Iterable[str]) -> str:
    return "; ".join(filter(None, reasons))
