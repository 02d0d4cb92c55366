"""Asking a model the same questions before and after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.batches import Collator
from workbench.data.formats import Message
from workbench.evaluation.report.report import Measurement, TargetItem
from workbench.evaluation.run.generation import greedy_answers
from workbench.evaluation.run.run_suites import ask
from workbench.evaluation.run.target_rows import target_rows
from workbench.evaluation.run.text_metrics import BATCH
from workbench.evaluation.suites.suites import named_suites
from workbench.models.auto_batch_size import Room
from workbench.models.loss import mean_nll

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.rendering import Rendered, Renderer
    from workbench.evaluation.run.target_rows import TargetRow
    from workbench.evaluation.suites.items import ItemResult
    from workbench.evaluation.suites.suites import Suite
    from workbench.models.loaded_base import Opened, Report
    from workbench.recipe.evaluation import SuiteSize

ANSWER_BATCH = 16
"""Questions that are answered at once."""


@dataclass(frozen=True)
class Questions:
    """Everything a model is asked, tokenised once.

    Attributes:
        target: The held-out rows that are answered.
        prompts: Prompt tokens of the general prompts.
        heldout: Batches of held-out rows with labels, for the loss.
        suites: Probe suites; empty where none is asked.
        size: How much of them.
        note: What cannot be asked; empty where everything can.
    """

    target: Sequence[TargetRow]
    prompts: Sequence[list[int]]
    heldout: Sequence[dict[str, Tensor]]
    suites: Sequence[Suite]
    size: SuiteSize
    note: str = ""


def questions(opened: Opened, heldout: Sequence[Rendered], size: SuiteSize) -> Questions:
    """Tokenise what will be asked.

    Args:
        opened: The run.
        heldout: The rows that the loss is taken on.
        size: How much of the probe suites is asked.

    Raises:
        BadInputError: A held-out row lacks the label field, a general prompt is longer than the
            model's context, or a suite cannot be asked.
    """
    evaluation = opened.recipe.evaluation
    target, note = target_rows(opened)
    return Questions(
        target=target,
        prompts=[_general_prompt(opened, text) for text in evaluation.prompts],
        heldout=_batches(opened, heldout),
        suites=() if size == "none" else named_suites(evaluation.suites),
        size=size,
        note=note,
    )


def _general_prompt(opened: Opened, text: str) -> list[int]:
    """A general prompt in tokens, to which the model has room for an answer."""
    ids, answer = prompt_tokens(opened.renderer, text), opened.recipe.evaluation.answer_tokens
    if len(ids) + answer > opened.context:
        raise BadInputError(
            f"evaluation.prompts: {text[:40]!r} … has {len(ids):,} tokens: with an answer of "
            f"{answer:,} that is more than the model's context of {opened.context:,.0f}; shorten it"
        )
    return ids


def prompt_tokens(renderer: Renderer, text: str) -> list[int]:
    """A question as the user would ask it in a chat, the answer to come next."""
    return renderer.prompt([Message("user", text)])


class Rooms:
    """How much goes through the model at once, for each kind of question.

    Attributes:
        answers: Prompts that are answered.
        loss: Held-out rows.
        texts: Rows of text.
    """

    def __init__(self, rows: int, warn: Callable[[str], None]) -> None:
        """Start with ``rows`` held-out rows; ``warn`` is told where there is no memory."""
        self.answers = Room("asking questions", ANSWER_BATCH, warn)
        self.loss = Room("the held-out loss", rows, warn)
        self.texts = Room("reading text", BATCH, warn)


def measure(
    model: Module, opened: Opened, asked: Questions, report: Report, rooms: Rooms
) -> Measurement:
    """Ask ``model`` all questions; the answers are greedy, so they can be repeated.

    Raises:
        NoRoomError: There is no memory to ask a single one.
    """
    evaluation = opened.recipe.evaluation
    targets = rooms.answers.need(
        lambda at_once: greedy_answers(
            model,
            opened.tokenizer,
            [row.ids for row in asked.target],
            max_new_tokens=evaluation.target_tokens,
            batch_size=at_once,
            report=lambda done, total: report("held-out rows", done, total),
        )
    )
    return Measurement(
        heldout_nll=rooms.loss.need(lambda at_once: mean_nll(model, asked.heldout, at_once))
        if asked.heldout
        else None,
        target=tuple(
            TargetItem(
                prompt=row.text, label=row.label, answer=answer, metric=evaluation.target_metric
            )
            for row, answer in zip(asked.target, targets, strict=True)
        ),
        answers=tuple(
            rooms.answers.need(
                lambda at_once: general_answers(model, opened, asked, report, at_once)
            )
        ),
        items=tuple(
            rooms.answers.need(
                lambda at_once: probe(model, opened, asked.suites, asked.size, report, at_once)
            )
        ),
    )


def general_answers(
    model: Module,
    opened: Opened,
    asked: Questions,
    report: Report,
    batch_size: int,
) -> list[str]:
    """Greedy answers to the general prompts."""
    return greedy_answers(
        model,
        opened.tokenizer,
        asked.prompts,
        max_new_tokens=opened.recipe.evaluation.answer_tokens,
        batch_size=batch_size,
        report=lambda done, total: report("general prompts", done, total),
    )


def probe(
    model: Module,
    opened: Opened,
    suites: Sequence[Suite],
    size: SuiteSize,
    report: Report,
    batch_size: int,
) -> list[ItemResult]:
    """Ask the probe suites."""
    if size == "none":
        return []
    return ask(
        model,
        opened.tokenizer,
        suites,
        size,
        prompt_tokens=lambda text: prompt_tokens(opened.renderer, text),
        batch_size=batch_size,
        report=lambda done, total: report("probe items", done, total),
        room=opened.recipe.strategy.virtual_tokens(),
    )


def _batches(opened: Opened, rows: Sequence[Rendered]) -> list[dict[str, Tensor]]:
    ordered = sorted(rows, key=lambda row: len(row.input_ids))
    size = opened.recipe.training.micro_batch_size
    collate = Collator(opened.tokenizer.pad_token_id)
    batches = [collate(ordered[start : start + size]) for start in range(0, len(ordered), size)]
    return [{name: tensor.to(opened.device) for name, tensor in batch.items()} for batch in batches]
