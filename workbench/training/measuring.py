"""Asking a model the same questions before and after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.data.formats import Message
from workbench.errors import BadInputError
from workbench.probes.generation import greedy_answers
from workbench.probes.report import Measurement, TargetItem
from workbench.training.loss import mean_nll

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedTokenizerBase

    from workbench.data.formats import Example
    from workbench.data.rendering import Renderer
    from workbench.recipe.evaluation import EvaluationSection
    from workbench.training.reporter import Reporter


@dataclass(frozen=True)
class Questions:
    """Everything a model is asked, tokenised once.

    Attributes:
        target: Prompt tokens, prompt text and label of every held-out row.
        prompts: Prompt tokens of the general prompts.
        heldout: Batches of held-out rows with labels, for the loss.
    """

    target: Sequence[tuple[list[int], str, str]]
    prompts: Sequence[list[int]]
    heldout: Sequence[dict[str, Tensor]]


def questions(
    evaluation: EvaluationSection,
    renderer: Renderer,
    heldout: Sequence[Example],
    batches: Sequence[dict[str, Tensor]],
) -> Questions:
    """Tokenise what will be asked.

    Raises:
        BadInputError: A held-out row lacks the label field.
    """
    return Questions(
        target=[_target(evaluation, renderer, example) for example in heldout]
        if evaluation.target_field
        else [],
        prompts=[renderer.prompt([Message("user", text)]) for text in evaluation.prompts],
        heldout=batches,
    )


def measure(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    asked: Questions,
    evaluation: EvaluationSection,
    reporter: Reporter,
) -> Measurement:
    """Ask ``model`` all questions; the answers are greedy, so they can be repeated."""
    phase = reporter.status.phase
    labels = greedy_answers(
        model,
        tokenizer,
        [ids for ids, _, _ in asked.target],
        max_new_tokens=evaluation.target_tokens,
        report=lambda done, total: reporter.phase(phase, "held-out rows", done, total),
    )
    answers = greedy_answers(
        model,
        tokenizer,
        asked.prompts,
        max_new_tokens=evaluation.answer_tokens,
        report=lambda done, total: reporter.phase(phase, "general prompts", done, total),
    )
    return Measurement(
        heldout_nll=mean_nll(model, asked.heldout) if asked.heldout else None,
        target=tuple(
            TargetItem(prompt=prompt, label=label, answer=answer)
            for (_, prompt, label), answer in zip(asked.target, labels, strict=True)
        ),
        answers=tuple(answers),
    )


def _target(
    evaluation: EvaluationSection, renderer: Renderer, example: Example
) -> tuple[list[int], str, str]:
    label = example.fields.get(evaluation.target_field or "")
    if not isinstance(label, str) or not label:
        raise BadInputError(
            f"evaluation.target_field: held-out row {example.number} has no text in "
            f"{evaluation.target_field!r}"
        )
    turns = [i for i, message in enumerate(example.messages) if message.role == "assistant"]
    question = example.messages[: turns[-1]] if turns else ()
    if not question:
        raise BadInputError(
            f"evaluation.target_field: held-out row {example.number} asks nothing before its answer"
        )
    return renderer.prompt(question), question[-1].content, label
