"""What a run teaches, and the rows it is tested on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from workbench.core.errors import BadInputError
from workbench.recipe.base import OptionalSource, Section, Source, field

DataFormat = Literal[
    "auto",
    "messages",
    "sharegpt",
    "alpaca",
    "prompt_completion",
    "question_answer",
    "segments",
    "tokens",
    "text",
]
Column = Literal[
    "messages",
    "role",
    "content",
    "tools",
    "system",
    "prompt",
    "completion",
    "context",
    "history",
    "text",
    "segments",
    "input_ids",
    "labels",
]
"""A usual name that a dataset's own column may stand for; role and content are those of turns."""
MAX_DROPPED = 0.05
"""The share of rows that may be dropped where the recipe says nothing of it."""


def _columns_from_text(value: object) -> object:
    """A mapping from text such as ``prompt=Question, completion=Reply``.

    Raises:
        ValueError: A part has no equals sign.
    """
    if not isinstance(value, str):
        return value or {}
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    for name, equals, column in pairs:
        if not (equals and name.strip() and column.strip()):
            raise ValueError("write it as prompt=Question, completion=Reply")
    return {name.strip(): column.strip() for name, _, column in pairs}


Columns = Annotated[dict[Column, str], BeforeValidator(_columns_from_text)]


def parse_columns(text: str) -> dict[Column, str]:
    """Read a mapping of columns from a command line.

    Raises:
        BadInputError: It is not written as one, or names a field that is not usual.
    """
    try:
        return TypeAdapter(Columns).validate_python(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        reason = problem["msg"].removeprefix("Value error, ")
        raise BadInputError(f"columns {text!r}: {reason[:1].lower()}{reason[1:]}") from error


class DataSection(Section):
    """The training rows, and the held-out rows that test them."""

    train: Source = field(
        "preset:support_train",
        title="Dataset",
        help="A .jsonl, .json, .csv, .tsv, .parquet or .txt file, a hub dataset id, or "
        "preset:NAME.",
    )
    heldout: OptionalSource = field(
        None,
        title="Held-out rows",
        help="Rows that are never trained on; if empty, a share of the dataset is held out.",
    )
    heldout_share: float = field(
        0.1,
        title="Held-out share",
        help="Share of the dataset that is held out where no held-out rows are given.",
        ge=0,
        le=0.5,
    )
    format: DataFormat = field(
        "auto",
        title="Format",
        help="How a row is written; auto is right unless a row fits more than one format.",
        choices={
            "auto": "recognised from the names of the fields",
            "messages": "messages: a list of {role, content}",
            "sharegpt": "conversations: a list of {from, value}",
            "alpaca": "instruction, input, output",
            "prompt_completion": "prompt, completion",
            "question_answer": "question, answer",
            "segments": "segments: a list of {label, text}; texts with label true are learned",
            "tokens": "input_ids, labels: already in tokens",
            "text": "text: learned as it is, without a chat template",
        },
    )
    columns: Columns = field(
        {},
        title="Columns",
        help="The dataset's own names for usual fields, where they are not recognised, such as "
        "prompt=Question, completion=Reply.",
        advanced=True,
    )
    assistant_only_loss: bool = field(
        True,
        title="Learn answers only",
        help="Compute the loss on the assistant's tokens only; otherwise on the whole row.",
    )
    max_rows: int | None = field(
        None,
        title="Rows at most",
        help="Use only the first rows of the dataset, for a quick try.",
        unit="rows",
        advanced=True,
        ge=1,
    )
    max_dropped: float = field(
        MAX_DROPPED,
        title="Rows dropped at most",
        help="Share of the rows that may be blank or unusable; they are left out and listed, and "
        "with more of them the run does not start.",
        advanced=True,
        ge=0,
        le=1,
    )
