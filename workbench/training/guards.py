"""The guards of one run, treated by trainer and callbacks as a single one."""

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
    """Adds the penalties of all guards up, and combines their numbers and decisions."""

    def __init__(self, guards: Sequence[Guard] = ()) -> None:
        """Combine ``guards``, one for each protection that is on."""
        self._guards = guards

    @property
    def active(self) -> bool:
        """Whether any protection is on."""
        return bool(self._guards)

    @property
    def mix(self) -> ReplayMix | None:
        """Rows to replay beside those of the dataset."""
        return next((guard.mix for guard in self._guards if guard.mix), None)

    def attach(self, model: Module) -> None:
        """Attach them to the prepared model."""
        for guard in self._guards:
            guard.attach(model)

    def shard(self, rank: int, world_size: int) -> None:
        """Let each draw this process's share of what all processes draw together."""
        for guard in self._guards:
            guard.shard(rank, world_size)

    def penalty(self) -> Tensor | float:
        """Sum of what is added to the loss, in nats per token."""
        penalties = (guard.penalty() for guard in self._guards)
        return sum(penalty for penalty in penalties if penalty is not None)

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Let them correct the weights, with the step sizes of the step just taken."""
        del args, state, control
        for guard in self._guards:
            guard.after_optimizer_step(kwargs["optimizer"])

    def logs(self) -> dict[str, float]:
        """What they record of the last step."""
        return {name: value for guard in self._guards for name, value in guard.logs().items()}

    @property
    def decides_by(self) -> frozenset[Metric]:
        """What must be measured for a decision; empty where no guard takes any."""
        return frozenset().union(*(guard.decides_by for guard in self._guards))

    def decide(self, evaluation: Evaluation) -> GuardDecision:
        """Their decision: weights are the best where no guard with an opinion objects."""
        decisions = [guard.decide(evaluation) for guard in self._guards if guard.decides_by]
        opinions = [decision.best for decision in decisions if decision.best is not None]
        return GuardDecision(
            best=all(opinions) if opinions else None,
            stop=_join(decision.stop for decision in decisions),
            pause=_join(decision.pause for decision in decisions),
            warning=_join(decision.warning for decision in decisions),
        )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of each, in their order."""
        return {"guards": [guard.state_dict() for guard in self._guards]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        for guard, own in zip(self._guards, state_dict["guards"], strict=True):
            guard.load_state_dict(own)


def _join(reasons: Iterable[str]) -> str:
    return "; ".join(filter(None, reasons))
