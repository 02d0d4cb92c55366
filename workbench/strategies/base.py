"""The interface of a fine-tuning strategy; every strategy is one file in this folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from workbench.recipe.registry import Part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.training import TrainingSection
    from workbench.retention.base import BaseContext
    from workbench.strategies.delta import ModuleDelta


@dataclass(frozen=True)
class Quantization:
    """How a 4-bit base is stored: plain values, so that no screen needs torch to know them.

    Attributes:
        quant_type: The 16 values that four bits stand for.
        use_double_quant: Quantise the scales of the blocks as well.
        compute_dtype: Dtype of the products; ``auto`` is that of the weights left unquantised.
    """

    quant_type: Literal["nf4", "fp4"]
    use_double_quant: bool
    compute_dtype: str


DeltaKind = Literal["weights", "low_rank", "other"]


class Strategy(Part, ABC):
    """Which weights are trained, and how the result is saved and loaded.

    A new strategy is one file in this folder: a subclass with a ``card``, a ``kind`` field and the
    methods below. Forms, command line, help, estimate and chat find it by themselves. Override the
    methods that are not abstract only where their defaults do not hold.

    Attributes:
        trains_base_weights: The base's own tensors change, so they are kept in float32 while
            training, and the model in training cannot answer as the base.
        risk_points: What is known of forgetting with this strategy beyond its share of trainable
            parameters, on the scale of :mod:`workbench.planning.risk`: one point is about a factor
            of ten in the KL to the base.
    """

    trains_base_weights: ClassVar[bool]
    risk_points: ClassVar[float] = 0.0

    # Before a run: from the facts of the model alone, without torch.

    @abstractmethod
    def trainable_parameters(self, facts: ModelFacts) -> int:
        """Count what would be trained.

        Raises:
            BadInputError: The strategy does not fit this model.
        """

    def check(self, facts: ModelFacts, training: TrainingSection) -> None:
        """Refuse combinations that are known to fail, before anything is loaded.

        Raises:
            FtwbError: The strategy does not fit the model, the hyperparameters or the machine.
        """
        del training
        self.trainable_parameters(facts)

    def quantization(self) -> Quantization | None:
        """How the base must be quantised; None to load it in its own dtype."""
        return None

    @property
    def trains_added_rows(self) -> bool:
        """Whether rows that are added to the embedding for new tokens are trained."""
        return False

    def virtual_tokens(self) -> int:
        """Positions of the context that the strategy occupies."""
        return 0

    def datasets(self) -> dict[str, str]:
        """The datasets that :meth:`calibrate` reads, by the field that names them."""
        return {}

    # Training.

    def calibrate(self, context: BaseContext) -> None:
        """Attach to the untouched base whatever :meth:`prepare` needs to know of general text.

        Raises:
            FtwbError: The text cannot be read or used.
        """
        del context

    @abstractmethod
    def prepare(self, model: Module) -> Module:
        """Make the right weights trainable and return the model to train."""

    def parameter_groups(
        self, model: Module, learning_rate: float, weight_decay: float
    ) -> list[dict[str, Any]] | None:
        """Parameter groups with their own learning rates, as torch's optimisers take them.

        None leaves the grouping to the Trainer: one learning rate, no decay on norms and biases.
        """
        del model, learning_rate, weight_decay
        return None

    @property
    def keeps_base(self) -> bool:
        """Whether the model in training still contains the untouched base."""
        return not self.trains_base_weights

    @abstractmethod
    def disabled_adapter(self, model: Module) -> AbstractContextManager[None]:
        """A context in which ``model`` answers as the base.

        Raises:
            FtwbError: ``model`` no longer contains the untouched base (see :attr:`keeps_base`).
        """

    # The result.

    def finish(self, model: Module) -> Module:
        """Turn the trained model, in place, into the one that :meth:`save` writes."""
        return model

    @abstractmethod
    def save(self, model: Module, folder: Path) -> None:
        """Write the result into ``folder``: only what has to be added to the base."""

    @abstractmethod
    def load(self, base: Module, folder: Path) -> Module:
        """Return the tuned model.

        ``base`` is consumed, but its tensors are left as they are and reused where nothing has
        changed, so that another model on the same tensors can be open at the same time.
        """

    def result_tensors(self, model: Module) -> Mapping[str, Tensor]:
        """What :meth:`save` keeps of ``model``, by names that the loaded result has as well.

        A result that was read back is the trained model if these are equal bit for bit.
        """
        return dict(model.named_parameters())

    @property
    def delta_kind(self) -> DeltaKind:
        """How the result differs from the base, for code that penalises or scales the difference.

        ``weights``: the base's own tensors have changed. ``low_rank``: matrices have LoRA's s·B·A
        added. ``other``: no difference of weights, or none of these two forms.
        """
        return "other"

    def module_deltas(self, model: Module) -> Mapping[str, ModuleDelta] | None:
        """What a loaded result adds to the outputs of the base's modules, by module name.

        With these next to the base, both can answer in one batch. None where the result differs
        from the base in any other way and needs separate forward passes.
        """
        del model
        return None
