"""The held-out rows that are answered for the target score: which, and what is right."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.data.formats import Example
    from workbench.data.rendering import Renderer
    from workbench.models.loaded_base import LoadedBase
    from workbench.recipe.evaluation import EvaluationSection

_SEED = 0
"""Of the draw: every run on the same held-out rows answers the same of them."""


class TargetRow(NamedTuple):
    """Prompt tokens, prompt text and right answer."""

    ids: list[int]
    text: str
    label: str


def target_rows(loaded: LoadedBase) -> tuple[list[TargetRow], str]:
    """The drawn rows that the model has room for, and in a sentence what was left out, if any was.

    Raises:
        BadInputError: A row lacks the label field or asks nothing, or none fits.
    """
    evaluation, context = loaded.recipe.evaluation, loaded.context_length
    if not _answers_rows(evaluation):
        return [], ""
    drawn = _draw(loaded.split.heldout, evaluation.target_rows)
    rows = [_target(evaluation, loaded.renderer, example) for example in drawn]
    fitting = [row for row in rows if len(row.ids) + evaluation.target_max_new_tokens <= context]
    if not rows or len(fitting) == len(rows):
        return rows, ""
    longest = evaluation.target_max_new_tokens
    room = f"room for {longest:,} tokens in the model's context of {context:,.0f}"
    if not fitting:
        raise BadInputError(
            f"evaluation.target_metric: no held-out row leaves {room}; set it to nll"
        )
    left_out = f"{len(rows) - len(fitting):,} of {len(rows):,}"
    return fitting, f"Held-out rows that leave no {room} are not answered: {left_out}"


def _draw(examples: Sequence[Example], count: int) -> list[Example]:
    """A sample of the rows in their order, the same each time."""
    if len(examples) <= count:
        return list(examples)
    places = random.Random(_SEED).sample(range(len(examples)), count)  # noqa: S311 - a fair draw
    return [examples[place] for place in sorted(places)]


def _answers_rows(evaluation: EvaluationSection) -> bool:
    """Whether held-out rows are answered: there is something to compare the answers with."""
    match evaluation.target_metric:
        case "nll":
            return False
        case "contains":
            return evaluation.target_field is not None
        case _:
            return True


def _target(evaluation: EvaluationSection, renderer: Renderer, example: Example) -> TargetRow:
    turns = [i for i, message in enumerate(example.messages) if message.role == "assistant"]
    question = example.messages[: turns[-1]] if turns else ()
    name = evaluation.target_field
    label = _label(example, name) if name else None
    if not question:
        raise BadInputError(
            f"evaluation.target_metric: held-out row {example.number} asks nothing before its "
            "answer; set it to nll"
        )
    right = example.messages[turns[-1]].content if label is None else label
    return TargetRow(renderer.prompt(question), question[-1].content, right)


def _label(example: Example, name: str) -> str:
    label = example.fields.get(name)
    if not isinstance(label, str) or not label:
        raise BadInputError(
            f"evaluation.target_field: held-out row {example.number} has no text in {name!r}"
        )
    return label
