"""What a run teaches, and on what it is tested."""

from __future__ import annotations

from typing import Literal

from workbench.recipe.base import Section, field

DataFormat = Literal[
    "auto", "messages", "sharegpt", "alpaca", "prompt_completion", "question_answer", "text"
]


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
