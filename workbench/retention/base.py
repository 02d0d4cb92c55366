"""What every protection of old knowledge must offer; they live in ``workbench.retention``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from workbench.recipe.base import Section, field
from workbench.recipe.registry import Card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.core.progress import ProgressCallback
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe

    Batch = Mapping[str, Tensor]

_T = TypeVar("_T")


class GeneralRow(Protocol):
    """A row of general text in tokens, as the data room renders it."""

    @property
    def input_ids(self) -> list[int]:
        """Token ids, no padding."""

    @property
    def truncated(self) -> bool:
        """It was longer and lost its end."""

    @property
    def labels(self) -> list[int]:
        """As long as ``input_ids``: the id where it is learned, -100 elsewhere."""

    @property
    def trained_tokens(self) -> int:
        """How many of its tokens are learned."""


class BaseContext(Protocol):
    """What the worker offers strategies and protections while the base is still untouched."""

    @property
    def recipe(self) -> Recipe:
        """The run."""

    @property
    def base(self) -> PreTrainedModel:
        """The untouched base, in evaluation mode."""

    @property
    def report(self) -> ProgressCallback:
        """Tells the user what is being done, how much of it, and of how much."""

    def general(self, source: str, rows: int) -> Sequence[GeneralRow]:
        """At most ``rows`` rows of a dataset; what the evaluation asks is left out."""

    def answered(self, source: str, rows: int, new_tokens: int) -> Sequence[GeneralRow]:
        """The same questions with the base's own greedy answers."""

    def batches(self, rows: Sequence[GeneralRow], size: int) -> list[dict[str, Tensor]]:
        """Padded batches of rows of similar length, on the model's device."""

    def in_parts(self, what: str, rows: int, work: Callable[[int], _T]) -> _T:
        """Do ``work`` with ``rows`` at once, or as many as there is memory for.

        Raises:
            MachineError: There is no memory for a single one.
        """

    def logits(self, model: Module, batch: Batch) -> Tensor:
        """Logits ``[labelled tokens, vocabulary]`` that predict the labelled tokens of a batch."""

    def cached(
        self, what: str, make: Callable[[], dict[str, Tensor]], *of: Any
    ) -> dict[str, Tensor]:
        """Tensors made before for this base and for equal ``of``, else made now and kept."""


@dataclass(frozen=True)
class Mix:
    """Rows that are trained on beside the dataset's.

    Attributes:
        rows: The pool they are drawn from.
        share: Their share of all learned tokens.
    """

    rows: Sequence[GeneralRow]
    share: float


Measured = Literal["loss", "kl"]


@dataclass(frozen=True)
class Evaluation:
    """What was measured of the model in training, nats per token; None where it was not.

    Attributes:
        loss: On held-out rows of the dataset.
        kl: Of the base to the model, on held-out general text.
        due: What the recipe wanted measured at this step; the rest was measured beside it.
    """

    loss: float | None = None
    kl: float | None = None
    due: frozenset[Measured] = frozenset({"loss", "kl"})


@dataclass(frozen=True)
class GuardDecision:
    """What a guard makes of an evaluation.

    Attributes:
        best: Whether these weights may be kept as the result; None for no opinion.
        stop: Why training should end here; empty to go on.
        ask: Why the user should say whether it goes on; empty where nothing is to be asked.
        warning: What the user should know.
    """

    best: bool | None = None
    stop: str = ""
    ask: str = ""
    warning: str = ""


class Guard:
    """A protection at work in one run; each overrides only what it needs.

    Attributes:
        mix: Rows to train on beside the dataset's.
        judges: What it judges by; all of it is measured together, at the end too.
    """

    mix: Mix | None = None
    judges: frozenset[Measured] = frozenset()

    def attach(self, model: Module) -> None:
        """Take the prepared model, not yet trained."""

    def divide(self, rank: int, size: int) -> None:
        """Draw other general rows than the ``size`` processes that train together with this one."""

    def penalty(self) -> Tensor | None:
        """What is added to the loss, in nats per token, with its gradient."""
        return None

    def after_step(self, learning_rate: float) -> None:
        """Correct the weights after a step of the optimiser."""

    def numbers(self) -> dict[str, float]:
        """What is worth recording of the last step."""
        return {}

    def evaluated(self, evaluation: Evaluation) -> GuardDecision:
        """Judge an evaluation that holds all of :attr:`judges`."""
        del evaluation
        return GuardDecision()

    def state(self) -> dict[str, Any]:
        """What it remembers from step to step, as plain values."""
        return {}

    def resume(self, state: dict[str, Any]) -> None:
        """Take it back, after :meth:`attach`."""


class Protection(Section, ABC):
    """A way to keep what the base knows, combinable with strategies and with each other.

    Attributes:
        kind: Its name in the recipe.
        card: What a user should know of it.
        holds_weights: It compares weights with those of the base.
    """

    kind: ClassVar[str]
    card: ClassVar[Card]
    holds_weights: ClassVar[bool] = False

    @abstractmethod
    def ready(self, context: BaseContext) -> Guard:
        """Measure on the untouched base whatever the guard will need.

        Raises:
            FtwbError: The data it needs cannot be read or used.
        """

    def check(self, recipe: Recipe, facts: ModelFacts) -> None:
        """Refuse what is known to be wrong before anything is loaded.

        Raises:
            BadInputError: It does not go with the rest of the recipe.
        """
        del recipe, facts

    def needs(self, recipe: Recipe, facts: ModelFacts) -> str:
        """What it takes beyond a plain run, in a few words; an estimate."""
        del recipe, facts
        return ""


class GeneralProtection(Protection):
    """A protection that looks at general text."""

    source: str = field(
        "preset:general",
        title="General text",
        help="A file, a hub dataset id or preset:NAME: what the model should still do as before.",
        min_length=1,
    )
    rows: int = field(
        256,
        title="General rows",
        help="Rows of it that are used at most: the first ones.",
        unit="rows",
        advanced=True,
        ge=1,
        le=1_000_000,
    )

    def check_format(self, data_format: str) -> None:
        """Refuse general text in a format that it cannot use.

        Raises:
            BadInputError: Naming the format.
        """
        del data_format
