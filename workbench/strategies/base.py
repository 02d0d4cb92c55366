"""What every strategy must offer; the strategies themselves live in ``workbench.strategies``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from workbench.recipe.registry import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.training import TrainingSection
    from workbench.retention.base import BaseContext


@dataclass(frozen=True)
class Quantization:
    """How a 4-bit base is to be held: a plain value, so that no screen needs torch for it.

    Attributes:
        code: The 16 values that four bits stand for.
        double: Quantise the scales of the blocks as well.
        compute_dtype: Number format of the products; ``auto`` is that of the other weights.
    """

    code: Literal["nf4", "fp4"]
    double: bool
    compute_dtype: str


DeltaKind = Literal["weights", "low_rank", "other"]


class ModuleDelta(Protocol):
    """What a result adds to the output of one of its base's modules."""

    def add(self, given: Tensor, output: Tensor, strength: float) -> None:
        """Add it in place to some rows of the output ``[rows, length, outputs]``.

        Args:
            given: What the module was given for them, ``[rows, length, inputs]``.
            output: What it made of it.
            strength: 0 adds nothing, 1 all; ignored where there is no such thing.
        """

    def tensors(self) -> Iterable[Tensor]:
        """What it holds in memory."""


class Strategy(Part, ABC):
    """Which weights move, and how the result is kept.

    Attributes:
        trains_base_weights: The base's own tensors change, so they are held in float32 while
            training and the live model cannot answer as the base.
    """

    trains_base_weights: ClassVar[bool]

    @abstractmethod
    def trainable_parameters(self, facts: ModelFacts) -> int:
        """Count what would be trained, from the model's facts alone.

        Raises:
            BadInputError: The strategy does not fit this model.
        """

    @abstractmethod
    def prepare(self, model: Module) -> Module:
        """Make the right weights trainable and return the model to train."""

    @abstractmethod
    def save(self, model: Module, folder: Path) -> None:
        """Write the result into ``folder``: only what is needed beside the base."""

    @abstractmethod
    def load(self, base: Module, folder: Path) -> Module:
        """Return the tuned model.

        ``base`` is consumed, but its tensors are left as they are and used where nothing has
        changed, so that another model on them can be open at once.
        """

    @abstractmethod
    def disabled_adapter(self, model: Module) -> AbstractContextManager[None]:
        """Answer as the base inside this context.

        Raises:
            FtwbError: ``model`` does not hold the untouched base (see :attr:`keeps_base`).
        """

    @property
    def keeps_base(self) -> bool:
        """Whether the model in training holds the untouched base."""
        return not self.trains_base_weights

    @property
    def delta_kind(self) -> DeltaKind:
        """How the result differs from the base, for those who penalise the difference.

        ``weights``: the base's own tensors have moved. ``low_rank``: matrices got LoRA's s·B·A
        added. ``other``: no difference of weights, or none that can be written so.
        """
        return "other"

    def module_deltas(self, model: Module) -> Mapping[str, ModuleDelta] | None:
        """What a loaded result adds to the outputs of which of the base's modules, by their names.

        With these beside the base, both can answer in one batch. None where the result is more
        than that, and has to be asked apart.
        """
        del model
        return None

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse what is known to be wrong before anything is loaded.

        Raises:
            FtwbError: The strategy does not fit the model, the hyperparameters or the machine.
        """
        del training
        self.trainable_parameters(facts)

    def datasets(self) -> dict[str, str]:
        """Fields that name the general text :meth:`calibrate` reads, and what they name."""
        return {}

    def calibrate(self, context: BaseContext) -> None:
        """Leave on the untouched base what :meth:`prepare` has to know of general text.

        Raises:
            FtwbError: The text cannot be read or used.
        """
        del context

    def quantization(self) -> Quantization | None:
        """How the base must be held; None as its dtype says."""
        return None

    def virtual_tokens(self) -> int:
        """Positions of the context that the strategy takes for itself."""
        return 0

    def parameter_groups(
        self, model: Module, learning_rate: float, weight_decay: float
    ) -> list[dict[str, Any]] | None:
        """Trainable parameters with rates of their own, as torch's optimisers take them.

        None leaves the grouping to the Trainer: one rate, no decay on norms and biases.
        """
        del model, learning_rate, weight_decay
        return None
