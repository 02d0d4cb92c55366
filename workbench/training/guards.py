"""The protections at work in one run, as the trainer and the monitor see them: as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from workbench.recipe.protection import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.recipe.protection import Guard, Mix


class Guards(TrainerCallback):
    """Adds their penalties up, passes every step on to them, and collects their numbers."""

    def __init__(self, guards: Sequence[Guard] = ()) -> None:
        """Take the guards that are on."""
        self._guards = guards

    @property
    def active(self) -> bool:
        """Whether any protection is on."""
        return bool(self._guards)

    @property
    def mix(self) -> Mix | None:
        """Rows to train on beside the dataset's."""
        return next((guard.mix for guard in self._guards if guard.mix), None)

    def attach(self, model: Module) -> None:
        """Hand them the prepared model."""
        for guard in self._guards:
            guard.attach(model)

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
            guard.after_step(kwargs["optimizer"].param_groups[0]["lr"])

    def numbers(self) -> dict[str, float]:
        """What they have to say of the last step."""
        return {name: value for guard in self._guards for name, value in guard.numbers().items()}

    @property
    def judge(self) -> bool:
        """Whether any of them wants to see every evaluation, the last one too."""
        return any(guard.judges for guard in self._guards)

    def evaluated(self, loss: float) -> Verdict:
        """What they make of an evaluation; at most one of them judges."""
        verdicts = [guard.evaluated(loss) for guard in self._guards if guard.judges]
        return verdicts[0] if verdicts else Verdict()
