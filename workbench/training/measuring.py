"""Asking a model the same questions before and after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.data.batching import Collator
from workbench.data.formats import Message
from workbench.errors import BadInputError
from workbench.probes.asking import ask
from workbench.probes.generation import greedy_answers
from workbench.probes.report import Measurement, TargetItem
from workbench.probes.suites import named_suites
from workbench.training.loss import mean_nll

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.formats import Example
    from workbench.data.rendering import Rendered, Renderer
    from workbench.probes.items import ItemResult
    from workbench.probes.suites import Suite
    from workbench.recipe.evaluation import EvaluationSection, SuiteSize
    from workbench.training.opening import Opened, Report

_BATCH = 16
"""Questions that are answered at once."""


@dataclass(frozen=True)
class Questions:
    """Everything a model is asked, tokenised once.

    Attributes:
        target: Prompt tokens, prompt text and right answer of every held-out row.
        prompts: Prompt tokens of the general prompts.
        heldout: Batches of held-out rows with labels, for the loss.
        suites: Probe suites; empty where none is asked.
        size: How much of them.
    """

    target: Sequence[tuple[list[int], str, str]]
    prompts: Sequence[list[int]]
    heldout: Sequence[dict[str, Tensor]]
    suites: Sequence[Suite]
    size: SuiteSize


def questions(opened: Opened, heldout: Sequence[Rendered], size: SuiteSize) -> Questions:
    """Tokenise what will be asked.

    Args:
        opened: The run.
        heldout: The rows that the loss is taken on.
        size: How much of the probe suites is asked.

    Raises:
        BadInputError: A held-out row lacks the label field, or a suite cannot be asked.
    """
    evaluation, renderer = opened.recipe.evaluation, opened.renderer
    return Questions(
        target=[_target(evaluation, renderer, example) for example in opened.split.heldout]
        if _answers_rows(evaluation)
        else [],
        prompts=[prompt_tokens(renderer, text) for text in evaluation.prompts],
        heldout=_batches(opened, heldout),
        suites=() if size == "none" else named_suites(evaluation.suites),
        size=size,
    )


def prompt_tokens(renderer: Renderer, text: str) -> list[int]:
    """A question as the user would ask it in a chat, the answer to come next."""
    return renderer.prompt([Message("user", text)])


def measure(model: Module, opened: Opened, asked: Questions, report: Report) -> Measurement:
    """Ask ``model`` all questions; the answers are greedy, so they can be repeated."""
    evaluation = opened.recipe.evaluation
    targets = greedy_answers(
        model,
        opened.tokenizer,
        [ids for ids, _, _ in asked.target],
        max_new_tokens=evaluation.target_tokens,
        batch_size=_BATCH,
        report=lambda done, total: report("held-out rows", done, total),
    )
    return Measurement(
        heldout_nll=mean_nll(model, asked.heldout) if asked.heldout else None,
        target=tuple(
            TargetItem(prompt=text, label=label, answer=answer, metric=evaluation.target_metric)
            for (_, text, label), answer in zip(asked.target, targets, strict=True)
        ),
        answers=tuple(general_answers(model, opened, asked, report)),
        items=tuple(probe(model, opened, asked.suites, asked.size, report)),
    )


def general_answers(model: Module, opened: Opened, asked: Questions, report: Report) -> list[str]:
    """Greedy answers to the general prompts."""
    return greedy_answers(
        model,
        opened.tokenizer,
        asked.prompts,
        max_new_tokens=opened.recipe.evaluation.answer_tokens,
        batch_size=_BATCH,
        report=lambda done, total: report("general prompts", done, total),
    )


def probe(
    model: Module,
    opened: Opened,
    suites: Sequence[Suite],
    size: SuiteSize,
    report: Report,
    batch_size: int = _BATCH,
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


def _answers_rows(evaluation: EvaluationSection) -> bool:
    """Whether held-out rows are answered: there is something to compare the answers with."""
    match evaluation.target_metric:
        case "nll":
            return False
        case "contains":
            return evaluation.target_field is not None
        case _:
            return True


def _target(
    evaluation: EvaluationSection, renderer: Renderer, example: Example
) -> tuple[list[int], str, str]:
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
    return renderer.prompt(question), question[-1].content, right


def _label(example: Example, name: str) -> str:
    label = example.fields.get(name)
    if not isinstance(label, str) or not label:
        raise BadInputError(
            f"evaluation.target_field: held-out row {example.number} has no text in {name!r}"
        )
    return label
