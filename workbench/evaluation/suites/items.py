"""Probe items and their results: the questions that base and tuned model are both asked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Size = Literal["quick", "standard", "full"]
"""How many items are asked; each size includes the smaller ones."""

Measures = Literal["knowledge", "behaviour", "safety", "information"]
"""What a suite's score measures; information is shown but never judged."""


class Item(BaseModel):
    """One question; its suite's scorer decides which of the optional fields it needs.

    Attributes:
        id: Unique in its suite and stable: results are paired by it.
        prompt: The user's message.
        field: Subject, such as ``biology``; only shown in lists.
        cluster: Name of the template or content that it shares with other items of its suite; a
            model that fails one of them tends to fail them all, so they are resampled together.
            Empty where the item stands alone.
        size: The smallest suite size that includes the item.
        options: Options to choose from.
        answers: Right answers: options, or any of several texts, patterns or numbers.
        constraints: Checks that an answer must pass, in the form that the constraint scorer reads.
        new_tokens: Longest answer, in tokens; 0 for that of the suite.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=100)
    prompt: str = Field(min_length=1)
    field: str = ""
    cluster: str = ""
    size: Size = "full"
    options: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    constraints: tuple[dict[str, Any], ...] = ()
    new_tokens: int = Field(0, ge=0, le=100_000)


class Outcome(BaseModel):
    """How a model did on one item.

    Attributes:
        score: 1 right, 0 wrong; scorers of information may give any number.
        answer: What the model said or chose.
        label: Class of the answer where there are more than two, such as ``off-topic``.
        numbers: Further figures of the scorer by name, such as ``compression``.
        log_score: Where options are chosen from, log p(right) - logsumexp over all options, in nats
            and at most 0: its exponential is the normalised probability of the right option, on
            the same scale as accuracy. None for generated answers.
    """

    model_config = ConfigDict(frozen=True)

    score: float
    answer: str
    label: str = ""
    numbers: dict[str, float] = Field(default_factory=dict)
    log_score: float | None = None


class ItemResult(Outcome):
    """An outcome together with the item it belongs to.

    Attributes:
        suite: Name of the suite.
        id: Id of the item.
        prompt: Prompt of the item, so that a report can be read without the suite.
        cluster: Items with the same suite and cluster come from one template or content and are
            resampled together; empty: the item is its own cluster.
    """

    suite: str
    id: str
    prompt: str = ""
    cluster: str = ""


class SuiteFacts(BaseModel):
    """What a report keeps about a suite, to judge its results without the suite.

    Attributes:
        name: Name by which item results refer to it.
        title: Name to display.
        measures: What a drop of its score means.
        chance: Expected score of random guessing, 0 to 1.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    measures: Measures
    chance: float = 0.0
