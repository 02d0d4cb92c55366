"""A recipe: everything that decides a run, in one typed, frozen value."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model, field_validator

from workbench.recipe.devices import DevicesSection
from workbench.recipe.evaluation import EvaluationSection
from workbench.recipe.parts import classes_in, parts_in
from workbench.recipe.protection import Protection, Protections
from workbench.recipe.section import Section, field
from workbench.recipe.strategy import Strategy
from workbench.recipe.training import TrainingSection

STRATEGIES: dict[str, type[Strategy]] = parts_in("workbench.strategies", Strategy)

PROTECTIONS: dict[str, type[Protection]] = {
    cls.kind: cls for cls in classes_in("workbench.retention", Protection)
}

if TYPE_CHECKING:
    AnyStrategy = Strategy
    RetentionSection = Protections
else:
    AnyStrategy = Annotated[reduce(or_, STRATEGIES.values()), Field(discriminator="kind")]
    RetentionSection = create_model(
        "RetentionSection",
        __base__=Protections,
        __doc__="What protects old knowledge.",
        **{
            kind: (cls | None, field(None, title=cls.card.title, help=cls.card.does))
            for kind, cls in PROTECTIONS.items()
        },
    )

DataFormat = Literal[
    "auto", "messages", "sharegpt", "alpaca", "prompt_completion", "question_answer", "text"
]


class ModelSection(Section):
    """Which base model to start from and how to load it."""

    id: str = field(
        "demo",
        title="Base model",
        help="'demo', a hub id, a local folder, or a .gguf file.",
        min_length=1,
    )
    revision: str | None = field(
        None, title="Revision", help="Branch, tag or commit of a hub model.", advanced=True
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = field(
        "auto",
        title="Weights in memory",
        help="auto: bfloat16 where the device multiplies it fast, float32 elsewhere.",
    )
    trust_remote_code: bool = field(
        False,
        title="Trust remote code",
        help="Run Python code that the model's authors ship. Off unless you have read it.",
        advanced=True,
    )


class DataSection(Section):
    """What is taught, and on what it is tested."""

    train: str = field(
        "preset:support_train",
        title="Dataset",
        help="A .json, .jsonl, .csv or .parquet file, a hub dataset id, or preset:NAME.",
        min_length=1,
    )
    heldout: str | None = field(
        None,
        title="Held-out rows",
        help="Rows never trained on; without them a share of the dataset is set aside.",
    )
    heldout_share: float = field(
        0.1,
        title="Held-out share",
        help="Share of the dataset set aside when no held-out rows are given.",
        ge=0,
        le=0.5,
    )
    format: DataFormat = field(
        "auto", title="Format", help="auto recognises it by the names of the fields."
    )
    assistant_only: bool = field(
        True,
        title="Learn answers only",
        help="Compute the loss on the assistant's tokens, not on the user's.",
    )
    max_rows: int | None = field(
        None,
        title="Rows at most",
        help="Use only the first rows.",
        unit="rows",
        advanced=True,
        ge=1,
    )


class Recipe(Section):
    """A run, complete: the worker needs nothing else."""

    name: str = field(
        "run",
        title="Name",
        help="Becomes part of the run's id: letters, digits, '.', '_' and '-'.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )
    description: str = field("", title="Description", help="One line for lists.")
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
