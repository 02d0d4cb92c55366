"""A recipe: everything that determines a run, in one typed, frozen value."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, create_model, field_validator

from workbench.recipe.base import Section, field
from workbench.recipe.data import DataSection
from workbench.recipe.devices import DevicesSection
from workbench.recipe.evaluation import EvaluationSection
from workbench.recipe.model import ModelSection
from workbench.recipe.registry import parts_in
from workbench.recipe.retention import Protections
from workbench.recipe.training import TrainingSection

if TYPE_CHECKING:
    from workbench.retention.base import Protection
    from workbench.strategies.base import Strategy

STRATEGIES: dict[str, type[Strategy]] = parts_in("workbench.strategies")
"""Every strategy by its kind."""
PROTECTIONS: dict[str, type[Protection]] = parts_in("workbench.retention")
"""Every retention method by its kind."""

if TYPE_CHECKING:
    AnyStrategy = Strategy
    RetentionSection = Protections
else:
    AnyStrategy = Annotated[reduce(or_, STRATEGIES.values()), Field(discriminator="kind")]
    RetentionSection = create_model(
        "RetentionSection",
        __base__=Protections,
        __doc__="What keeps old knowledge: one optional field for each retention method.",
        **{
            kind: (cls | None, field(None, title=cls.card.title, help=cls.card.does))
            for kind, cls in PROTECTIONS.items()
        },
    )


class Recipe(Section):
    """A complete run: the worker needs nothing else."""

    name: str = field(
        "run",
        title="Name",
        help="Part of the run's id: letters, digits, '.', '_' and '-'.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )
    description: str = field("", title="Description", help="One line, shown in lists of presets.")
    model: ModelSection = Field(default_factory=ModelSection, title="Base model")
    data: DataSection = Field(default_factory=DataSection, title="Data")
    strategy: AnyStrategy = Field(default_factory=STRATEGIES["lora"], title="Strategy")
    training: TrainingSection = Field(default_factory=TrainingSection, title="Training")
    devices: DevicesSection = Field(default_factory=DevicesSection, title="Devices")
    retention: RetentionSection = Field(default_factory=RetentionSection, title="Retention")
    evaluation: EvaluationSection = Field(default_factory=EvaluationSection, title="Evaluation")

    @field_validator("strategy", mode="before")
    @classmethod
    def _default_kind(cls, value: Any) -> Any:
        return {"kind": "lora", **value} if isinstance(value, dict) else value
