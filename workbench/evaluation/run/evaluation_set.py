"""What base and tuned model are both asked, tokenised once."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from workbench.core.errors import BadInputError
from workbench.data.batches import device_batches
from workbench.data.rendering import Renderer
from workbench.data.splitting import load_examples
from workbench.data.thinking import split
from workbench.data.tokenising import first_rows
from workbench.evaluation.run.apart import OVERLAP, chooses, share_out, watched_apart
from workbench.evaluation.run.looks import items_at_look
from workbench.evaluation.run.prompts import prompt_tokens
from workbench.evaluation.suites.suites import named_suites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from workbench.data.formats import Example
    from workbench.data.rendering import Rendered
    from workbench.evaluation.suites.items import Size
    from workbench.evaluation.suites.suites import Suite
    from workbench.models.loaded_base import LoadedBase
    from workbench.recipe.evaluation import EvaluationSection, SuiteSize

_SAMPLE_SEED = 0
"""A constant: all runs on the same held-out rows answer the same sample of them."""


class TargetRow(NamedTuple):
    """A held-out row to be answered.

    Attributes:
        prompt_ids: The conversation before the answer, in tokens.
        prompt: Its last user message.
        label: The right answer.
    """

    prompt_ids: list[int]
    prompt: str
    label: str


@dataclass(frozen=True)
class EvaluationSet:
    """Everything that a model is asked.

    Attributes:
        heldout: Held-out rows for the loss, in padded batches on the model's device.
        choosing: Those for the loss during training, by which weights may be chosen; see
            :mod:`workbench.evaluation.run.apart`.
        target: Held-out rows that are answered for the target score.
        prompts: General prompts, in tokens.
        suites: Probe suites, with only the items that are asked; empty if none is asked.
        size: How many items that is.
        general_text: Rows of general text, for loss and KL; the watched ones come first.
        apart: Whether the watched rows are not reported.
        task_text: Held-out rows of the dataset as text, for loss and KL.
        notes: What was left out or truncated, in sentences.
    """

    heldout: Sequence[dict[str, Tensor]]
    choosing: Sequence[dict[str, Tensor]]
    target: Sequence[TargetRow]
    prompts: Sequence[list[int]]
    suites: Sequence[Suite]
    size: SuiteSize
    general_text: Sequence[Rendered]
    apart: bool
    task_text: Sequence[Rendered]
    notes: tuple[str, ...]


def evaluation_set(
    loaded: LoadedBase, size: SuiteSize, *, to_choose: bool = False
) -> EvaluationSet:
    """Tokenise everything that a run's evaluation asks.

    Args:
        loaded: The run's base, tokenizer and data.
        size: How many items of the probe suites are asked.
        to_choose: Ask the rows that choose in place of those that are reported.

    Raises:
        BadInputError: A held-out row lacks the label field, a general prompt is longer than the
            model's context, or a suite or the general text cannot be used.
    """
    evaluation = loaded.recipe.evaluation
    shares = share_out(loaded.split.heldout)
    asked = shares.choosing if to_choose else shares.reported
    heldout, heldout_note = _truncate(loaded, "Held-out rows", loaded.loss_rows(asked))
    choosing, _ = _truncate(loaded, "Held-out rows", loaded.loss_rows(shares.choosing))
    general, general_note = _truncate(loaded, "Rows of general text", _general_rows(loaded))
    watched, reported = evaluation.retention_rows, evaluation.text_rows
    apart = watched_apart(len(general), watched, reported)
    target, target_note = _target_rows(loaded, asked)
    overlap = chooses(loaded.recipe) and not (apart and shares.apart)
    return EvaluationSet(
        heldout=_loss_batches(loaded, heldout),
        choosing=_loss_batches(loaded, choosing),
        target=target,
        prompts=[_general_prompt(loaded, text) for text in evaluation.prompts],
        suites=() if size == "none" else _asked(named_suites(evaluation.suites), size),
        size=size,
        general_text=general[: _general_count(apart, to_choose, watched, reported)],
        apart=apart and not to_choose,
        task_text=heldout[: evaluation.text_rows],
        notes=tuple(
            filter(None, (target_note, heldout_note, general_note, OVERLAP if overlap else ""))
        ),
    )


def _general_count(apart: bool, to_choose: bool, watched: int, reported: int) -> int:
    """How many rows of general text are read, the watched ones first."""
    if not apart:
        return reported
    return watched if to_choose else watched + reported


def _loss_batches(loaded: LoadedBase, rows: Sequence[Rendered]) -> Sequence[dict[str, Tensor]]:
    size, padding = loaded.recipe.training.micro_batch_size, loaded.tokenizer.pad_token_id
    return device_batches(rows, size, padding, loaded.device)


def _asked(suites: Sequence[Suite], size: Size | Literal["auto"]) -> tuple[Suite, ...]:
    """Suites with only the items of a size, or those of the first look."""
    if size == "auto":
        return tuple(items_at_look(suite, 1) for suite in suites)
    return tuple(suite.model_copy(update={"items": suite.items_at(size)}) for suite in suites)


def _truncate(
    loaded: LoadedBase, description: str, rows: Sequence[Rendered]
) -> tuple[list[Rendered], str]:
    """Rows truncated to the model's context, and a note on how many were.

    Rows that are left without a token to learn are dropped.
    """
    longest = max((len(row.input_ids) for row in rows), default=0)
    context = int(min(loaded.context_length, longest))
    truncated = sum(len(row.input_ids) > context for row in rows)
    note = (
        f"{description} longer than the model's context of {context:,} tokens are truncated: "
        f"{truncated:,}"
    )
    kept = [short for row in rows if (short := row.cut(context)).learns]
    return kept, note if truncated else ""


def _general_rows(loaded: LoadedBase) -> list[Rendered]:
    """The first rows of general text that have a token to predict within the length limit.

    As many as are watched, and as many as are reported.
    """
    evaluation = loaded.recipe.evaluation
    if evaluation.general_text is None:
        return []
    renderer = Renderer(
        loaded.tokenizer, True, evaluation.text_max_length, loaded.renderer.settings
    )
    count = evaluation.retention_rows + evaluation.text_rows
    rows = first_rows(renderer, load_examples(evaluation.general_text).rows, count)
    if not rows:
        raise BadInputError(
            f"evaluation.general_text: no row of {evaluation.general_text} has a token to predict "
            f"within {evaluation.text_max_length} tokens; raise evaluation.text_max_length"
        )
    return rows


def _general_prompt(loaded: LoadedBase, text: str) -> list[int]:
    """A general prompt in tokens, checked to leave room for its answer."""
    ids, answer = (
        prompt_tokens(loaded.renderer, text),
        loaded.recipe.evaluation.prompts_max_new_tokens,
    )
    if len(ids) + answer > loaded.context_length:
        raise BadInputError(
            f"evaluation.prompts: {text[:40]!r} … has {len(ids):,} tokens; with an answer of "
            f"{answer:,} that exceeds the model's context of {loaded.context_length:,.0f}; "
            "shorten it"
        )
    return ids


def _target_rows(loaded: LoadedBase, heldout: Sequence[Example]) -> tuple[list[TargetRow], str]:
    """The sampled held-out rows that fit the model's context, and a note on those that do not."""
    evaluation, context = loaded.recipe.evaluation, loaded.context_length
    if not _has_target_score(evaluation):
        return [], ""
    sample = _sample(heldout, evaluation.target_rows)
    rows = [_target_row(evaluation, loaded.renderer, example) for example in sample]
    longest = evaluation.target_max_new_tokens
    fitting = [row for row in rows if len(row.prompt_ids) + longest <= context]
    if not rows or len(fitting) == len(rows):
        return rows, ""
    room = f"room for {longest:,} tokens in the model's context of {context:,.0f}"
    if not fitting:
        raise BadInputError(
            f"evaluation.target_metric: no held-out row leaves {room}; set it to nll"
        )
    left_out = f"{len(rows) - len(fitting):,} of {len(rows):,}"
    return fitting, f"Held-out rows that leave no {room} are not answered: {left_out}"


def _has_target_score(evaluation: EvaluationSection) -> bool:
    """Whether held-out rows are answered: there is something to compare the answers with."""
    match evaluation.target_metric:
        case "nll":
            return False
        case "contains":
            return evaluation.target_field is not None
        case _:
            return True


def _sample(examples: Sequence[Example], count: int) -> list[Example]:
    """``count`` rows in their order, the same each time."""
    if len(examples) <= count:
        return list(examples)
    draw = random.Random(_SAMPLE_SEED)  # noqa: S311 - a fair sample, not a secret
    return [examples[index] for index in sorted(draw.sample(range(len(examples)), count))]


def _target_row(evaluation: EvaluationSection, renderer: Renderer, example: Example) -> TargetRow:
    """The last answer of a row in words as reference, and the conversation before it as prompt."""
    turns = [
        turn
        for turn, message in enumerate(example.messages)
        if message.role == "assistant" and message.content.strip()
    ]
    conversation = example.messages[: turns[-1]] if turns else ()
    field = evaluation.target_field
    label = _label(example, field) if field else None
    if not conversation:
        raise BadInputError(
            f"evaluation.target_metric: held-out row {example.number} has no answer in words with "
            "a message before it; set it to nll"
        )
    reference = split(example.messages[turns[-1]].content).answer if label is None else label
    prompt = renderer.prompt(conversation, example.tools)
    return TargetRow(prompt, conversation[-1].content, reference)


def _label(example: Example, field: str) -> str:
    label = example.fields.get(field)
    if not isinstance(label, str) or not label:
        raise BadInputError(
            f"evaluation.target_field: held-out row {example.number} has no text in {field!r}"
        )
    return label
