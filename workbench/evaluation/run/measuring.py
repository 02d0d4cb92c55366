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
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.loss import mean_nll

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.data.rendering import Rendered, Renderer
    from workbench.evaluation.run.target_rows import TargetRow
    from workbench.evaluation.suites.items import ItemResult
    from workbench.evaluation.suites.suites import Suite
    from workbench.models.loaded_base import LoadedBase
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


def questions(loaded: LoadedBase, heldout: Sequence[Rendered], size: SuiteSize) -> Questions:
    """Tokenise what will be asked.

    Args:
        loaded: The run.
        heldout: The rows that the loss is taken on.
        size: How much of the probe suites is asked.

    Raises:
        BadInputError: A held-out row lacks the label field, a general prompt is longer than the
            model's context, or a suite cannot be asked.
    """
    evaluation = loaded.recipe.evaluation
    target, note = target_rows(loaded)
    return Questions(
        target=target,
        prompts=[_general_prompt(loaded, text) for text in evaluation.prompts],
        heldout=_batches(loaded, heldout),
        suites=() if size == "none" else named_suites(evaluation.suites),
        size=size,
        note=note,
    )


def _general_prompt(loaded: LoadedBase, text: str) -> list[int]:
    """A general prompt in tokens, to which the model has room for an answer."""
    ids, answer = (
        prompt_tokens(loaded.renderer, text),
        loaded.recipe.evaluation.prompts_max_new_tokens,
    )
    if len(ids) + answer > loaded.context_length:
        raise BadInputError(
            f"evaluation.prompts: {text[:40]!r} … has {len(ids):,} tokens: with an answer of "
            f"{answer:,} that is more than the model's context of {loaded.context_length:,.0f}; "
            "shorten it"
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
        self.answers = AutoBatchSize("asking questions", ANSWER_BATCH, warn)
        self.loss = AutoBatchSize("the held-out loss", rows, warn)
        self.texts = AutoBatchSize("reading text", BATCH, warn)


def measure(
    model: Module, loaded: LoadedBase, asked: Questions, report: ProgressCallback, rooms: Rooms
) -> Measurement:
    """Ask ``model`` all questions; the answers are greedy, so they can be repeated.

    Raises:
        NoRoomError: There is no memory to ask a single one.
    """
    evaluation = loaded.recipe.evaluation
    targets = rooms.answers.run(
        lambda at_once: greedy_answers(
            model,
            loaded.tokenizer,
            [row.ids for row in asked.target],
            max_new_tokens=evaluation.target_max_new_tokens,
            batch_size=at_once,
            report=lambda done, total: report("held-out rows", done, total),
        )
    )
    return Measurement(
        heldout_nll=rooms.loss.run(lambda at_once: mean_nll(model, asked.heldout, at_once))
        if asked.heldout
        else None,
        target=tuple(
            TargetItem(
                prompt=row.text, label=row.label, answer=answer, metric=evaluation.target_metric
            )
            for row, answer in zip(asked.target, targets, strict=True)
        ),
        answers=tuple(
            rooms.answers.run(
                lambda at_once: general_answers(model, loaded, asked, report, at_once)
            )
        ),
        items=tuple(
            rooms.answers.run(
                lambda at_once: probe(model, loaded, asked.suites, asked.size, report, at_once)
            )
        ),
    )


def general_answers(
    model: Module,
    loaded: LoadedBase,
    asked: Questions,
    report: ProgressCallback,
    batch_size: int,
) -> list[str]:
    """Greedy answers to the general prompts."""
    return greedy_answers(
        model,
        loaded.tokenizer,
        asked.prompts,
        max_new_tokens=loaded.recipe.evaluation.prompts_max_new_tokens,
        batch_size=batch_size,
        report=lambda done, total: report("general prompts", done, total),
    )


def probe(
    model: Module,
    loaded: LoadedBase,
    suites: Sequence[Suite],
    size: SuiteSize,
    report: ProgressCallback,
    batch_size: int,
) -> list[ItemResult]:
    """Ask the probe suites."""
    if size == "none":
        return []
    return ask(
        model,
        loaded.tokenizer,
        suites,
        size,
        prompt_tokens=lambda text: prompt_tokens(loaded.renderer, text),
        batch_size=batch_size,
        report=lambda done, total: report("probe items", done, total),
        room=loaded.recipe.strategy.virtual_tokens(),
    )


def _batches(loaded: LoadedBase, rows: Sequence[Rendered]) -> list[dict[str, Tensor]]:
    ordered = sorted(rows, key=lambda row: len(row.input_ids))
    size = loaded.recipe.training.micro_batch_size
    collate = Collator(loaded.tokenizer.pad_token_id)
    batches = [collate(ordered[start : start + size]) for start in range(0, len(ordered), size)]
    return [{name: tensor.to(loaded.device) for name, tensor in batch.items()} for batch in batches]
