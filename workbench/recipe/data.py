"""What a run teaches, and the rows it is tested on."""

from __future__ import annotations

from typing import Literal

from workbench.recipe.base import OptionalSource, Section, field
from workbench.recipe.columns import Columns
from workbench.recipe.sources import Sources, TrainSource, parse_sources

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
MAX_DROPPED = 0.05
"""The share of rows that may be dropped where the recipe says nothing of it."""


class DataSection(Section):
    """The training rows, and the held-out rows that test them."""

    train: Sources = field(
        "preset:support_train",
        title="Dataset",
        help="A .jsonl, .json, .csv, .tsv, .parquet or .txt file, a hub dataset id, or "
        "preset:NAME; several as a.jsonl, b.jsonl:0.3, with a share of the trained tokens.",
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
    text_overlap: int = field(
        0,
        title="Text overlap",
        help="Tokens that each piece of a long text repeats of the one before it, to be read only.",
        unit="tokens",
        advanced=True,
        ge=0,
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
    system_prompt: str | None = field(
        None,
        title="System prompt",
        help="Put before every conversation that has none, in training and wherever base and "
        "result are asked.",
        advanced=True,
    )
    chat_template: str | None = field(
        None,
        title="Chat template",
        help="A Jinja file, or the name of one of the tokenizer's templates; if empty, the model's "
        "own. It is saved with the result.",
        advanced=True,
    )
    end_of_turn: str | None = field(
        None,
        title="End of an answer",
        help="A token or text that ends answers where the chat template writes nothing; if empty, "
        "the tokenizer's end-of-sequence token.",
        advanced=True,
    )

    @property
    def sources(self) -> tuple[TrainSource, ...]:
        """The datasets to learn from, at least one."""
        return parse_sources(self.train)
