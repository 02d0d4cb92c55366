"""What a run teaches, and the rows it is tested on."""

from __future__ import annotations

from typing import Literal

from workbench.recipe.base import Section, field

DataFormat = Literal[
    "auto", "messages", "sharegpt", "alpaca", "prompt_completion", "question_answer", "text"
]


class DataSection(Section):
    """The training rows, and the held-out rows that test them."""

    train: str = field(
        "preset:support_train",
        title="Dataset",
        help="A .jsonl, .json, .csv, .parquet or .txt file, a hub dataset id, or preset:NAME.",
        min_length=1,
    )
    heldout: str | None = field(
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
            "text": "text: learned as it is, without a chat template",
        },
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
