"""The interface of a retention method; every one of them is one file in this folder.

A :class:`Protection` is a section of the recipe: its fields, and what is checked before a run. Once
the base is loaded it builds a :class:`Guard`, which takes part in every training step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar

from workbench.recipe.base import Section, Source, field
from workbench.recipe.registry import Card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    from workbench.core.progress import ProgressCallback
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.strategies.base import Strategy

TensorBatch: TypeAlias = "Mapping[str, Tensor]"
"""``input_ids``, ``attention_mask`` and ``labels``, each ``[rows, length]``."""

_T = TypeVar("_T")


class GeneralRow(Protocol):
    """A tokenised row of general text, as the data room renders it."""

    @property
    def input_ids(self) -> list[int]:
        """Token ids without padding."""

    @property
    def truncated(self) -> bool:
        """Whether the row was longer than the sequence length and lost its end."""

    @property
    def labels(self) -> list[int]:
        """As long as ``input_ids``: the token id where it is learned, -100 elsewhere."""

    @property
    def trained_tokens(self) -> int:
        """How many of its tokens are learned."""


class BaseContext(Protocol):
    """What the worker offers strategies and protections before the base is changed."""

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run."""

    @property
    def base(self) -> PreTrainedModel:
        """The untouched base, in evaluation mode."""

    @property
    def report(self) -> ProgressCallback:
        """Shows progress to the user: ``report(description, done, total)``."""

    def general_rows(self, source: str, rows: int) -> Sequence[GeneralRow]:
        """At most ``rows`` rows of a dataset, without prompts that the evaluation will ask."""

    def self_answered_rows(
        self, source: str, rows: int, max_new_tokens: int
    ) -> Sequence[GeneralRow]:
        """The same questions with the base's own greedy answers."""

    def batches(self, rows: Sequence[GeneralRow], size: int) -> list[dict[str, Tensor]]:
        """Padded batches of rows of similar length, on the model's device."""

    def with_auto_batch_size(self, what: str, rows: int, work: Callable[[int], _T]) -> _T:
        """Call ``work`` with ``rows`` at once, halved until they fit in memory.

        Args:
            what: What is done, in words that follow "out of memory in".
            rows: The batch size to start with.
            work: Does all of the work with the batch size it is given.

        Raises:
            MachineError: Not even a single row fits.
        """

    def logits(self, model: Module, batch: TensorBatch) -> Tensor:
        """Logits ``[labelled tokens, vocabulary]`` that predict the labelled tokens of a batch."""

    def cached(
        self, name: str, compute: Callable[[], dict[str, Tensor]], *inputs: Any
    ) -> dict[str, Tensor]:
        """The tensors of ``compute``, kept on disk for this base and equal ``inputs``."""


@dataclass(frozen=True)
class ReplayMix:
    """Rows to train on beside those of the dataset.

    Attributes:
        rows: The pool they are drawn from.
        share: Their share of all learned tokens.
    """

    rows: Sequence[GeneralRow]
    share: float


Metric = Literal["loss", "kl"]


@dataclass(frozen=True)
class Evaluation:
    """Measurements of the model in training, nats per token; None where one was not taken.

    Attributes:
        loss: On held-out rows of the dataset.
        kl: KL(base ‖ model) on held-out general text.
        kl_error: Standard error of the KL, from the spread over its rows.
        due: What the recipe schedules for this step; the rest was measured along with it.
    """

    loss: float | None = None
    kl: float | None = None
    kl_error: float | None = None
    due: frozenset[Metric] = frozenset({"loss", "kl"})


@dataclass(frozen=True)
class GuardDecision:
    """What a guard concludes from an evaluation.

    Attributes:
        best: Whether these weights may be kept as the result; None for no opinion.
        stop: Why training should end here; empty to continue.
        pause: Why training should pause until the user decides; empty to continue.
        warning: A message for the user; empty for none.
    """

    best: bool | None = None
    stop: str = ""
    pause: str = ""
    warning: str = ""


class Guard:
    """A protection at work in one run; subclasses override only what they need.

    Attributes:
        mix: Rows to train on beside those of the dataset.
        decides_by: The metrics that :meth:`decide` needs; they are measured together, and
            always at the end of the run.
    """

    mix: ReplayMix | None = None
    decides_by: frozenset[Metric] = frozenset()

    def attach(self, model: Module) -> None:
        """Receive the prepared model before its first training step."""

    def shard(self, rank: int, world_size: int) -> None:
        """Draw other general rows than the other processes of a distributed run."""

    def penalty(self) -> Tensor | None:
        """A term of the loss, in nats per token, with its gradient; None for none."""
        return None

    def after_optimizer_step(self, optimizer: Optimizer) -> None:
        """Correct the weights after a step of the optimiser, while the gradients are there."""

    def logs(self) -> dict[str, float]:
        """Numbers of the last step to record in the event log."""
        return {}

    def decide(self, evaluation: Evaluation) -> GuardDecision:
        """Judge an evaluation that has all of :attr:`decides_by`."""
        del evaluation
        return GuardDecision()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold to resume, as plain values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore :meth:`state_dict`, after :meth:`attach`."""


def saturating(measured: float, value: float, usual: float) -> float:
    """A relief that was ``measured`` at the ``usual`` value of a field, for another value.

    2·measured·x / (x + usual): half of the most at the usual value.
    """
    return 2 * measured * value / (value + usual)


class Protection(Section, ABC):
    """A retention method: a way to keep what the base knows, combinable with any others.

    A new one is one file in this folder with a subclass that has ``kind`` and ``card``; the recipe,
    forms, command line and help find it by themselves.

    Attributes:
        kind: Its name in the recipe.
        card: What a user should know before switching it on.
        needs_whole_weights: It compares single weights with those of the base, so they cannot be
            sharded over devices.
    """

    kind: ClassVar[str]
    card: ClassVar[Card]
    needs_whole_weights: ClassVar[bool] = False

    def check(self, recipe: Recipe, facts: ModelFacts) -> None:
        """Refuse combinations that are known to fail, before anything is loaded.

        Raises:
            BadInputError: It does not work with the rest of the recipe.
        """
        del recipe, facts

    def relief(self, strategy: Strategy) -> float:
        """By how many powers of ten it lowers the KL to base; 0 where that was never measured.

        Figures are those of ``tests/benchmarks``, on one model and one dataset.
        """
        del strategy
        return 0.0

    def extra_cost(self, recipe: Recipe, facts: ModelFacts) -> str:
        """What it needs beyond a plain run, in a few words; an estimate, empty for nothing."""
        del recipe, facts
        return ""

    @abstractmethod
    def build_guard(self, context: BaseContext) -> Guard:
        """Measure on the untouched base whatever the guard needs, and return the guard.

        Raises:
            FtwbError: The data it needs cannot be read or used.
        """


class GeneralProtection(Protection):
    """A protection that reads general text."""

    source: Source = field(
        "preset:general",
        title="General text",
        help="A file, a hub dataset id or preset:NAME: text on which the model should not change.",
    )
    rows: int = field(
        256,
        title="General rows",
        help="Use at most this many rows, from the start of the text.",
        unit="rows",
        advanced=True,
        ge=1,
        le=1_000_000,
    )

    def check_format(self, data_format: str) -> None:
        """Refuse general text in a format that cannot be used.

        Raises:
            BadInputError: Names the format.
        """
        del data_format
