"""Probe items and suites: the questions that are asked before and after."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Size = Literal["quick", "standard", "full"]
"""How much is asked; each size holds the ones before it."""

Measures = Literal["knowledge", "behaviour", "safety", "information"]
"""What a suite's score tells: information is shown, never judged."""


class Item(BaseModel):
    """One question; which of the optional fields it needs is its scorer's to say.

    Attributes:
        id: Unique in its suite, and stable: results are paired by it.
        prompt: What the user says.
        field: What it is about, such as ``biology``; for lists only.
        size: The smallest size of suite that asks it.
        options: What to choose from.
        answers: What is right: the option, or any of the texts, patterns or numbers.
        constraints: Checks that an answer must pass, as the constraint scorer reads them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=100)
    prompt: str = Field(min_length=1)
    field: str = ""
    size: Size = "full"
    options: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    constraints: tuple[dict[str, Any], ...] = ()


class Outcome(BaseModel):
    """What became of one item.

    Attributes:
        score: 1 right, 0 wrong; scorers of information may give any number.
        answer: What the model said or chose.
        label: The class of the answer where there are more than two, such as ``off-topic``.
        numbers: What else the scorer counted, by name, such as ``compression``.
    """

    model_config = ConfigDict(frozen=True)

    score: float
    answer: str
    label: str = ""
    numbers: dict[str, float] = Field(default_factory=dict)


class ItemResult(Outcome):
    """An outcome with the item it belongs to.

    Attributes:
        suite: Name of the suite.
        id: The item's.
        prompt: The item's, so that a report can be read without the suite.
    """

    suite: str
    id: str
    prompt: str = ""
