"""What a run learns from, as text: for phrases that leak, and items that were in the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.data.splitting import load_examples
from workbench.evaluation.analysis.contamination import example_texts
from workbench.retention.base import GeneralProtection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.models.loaded_base import LoadedBase


def training_answers(loaded: LoadedBase) -> list[str]:
    """The answers of the training rows."""
    return [
        message.content
        for example in loaded.split.train
        for message in example.messages
        if message.role == "assistant"
    ]


def training_texts(loaded: LoadedBase) -> Iterator[str]:
    """Every text that training or a protection reads."""
    yield from example_texts(loaded.split.train)
    for protection in loaded.recipe.retention.active().values():
        if isinstance(protection, GeneralProtection):
            yield from example_texts(load_examples(protection.source).rows[: protection.rows])
