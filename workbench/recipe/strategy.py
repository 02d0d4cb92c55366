"""What every strategy must offer; the strategies themselves live in ``workbench.strategies``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from workbench.recipe.parts import Part

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch.nn import Module

    from workbench.recipe.facts import ModelFacts


class Strategy(Part, ABC):
    """Which weights move, and how the result is kept.

    Attributes:
        trains_base_weights: The base's own tensors change, so they are held in float32 while
            training and the untouched base must be loaded beside the result.
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
        """Return the tuned model; ``base`` is consumed unless :meth:`without` can give it back."""

    @abstractmethod
    def without(self, model: Module) -> AbstractContextManager[None]:
        """Answer as the base inside this context; only where ``trains_base_weights`` is false."""
