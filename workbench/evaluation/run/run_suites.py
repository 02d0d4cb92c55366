"""Asking a model all questions of all suites."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple, cast

from workbench.core.errors import BadInputError
from workbench.evaluation.run.generation import Request, answer_all
from workbench.evaluation.run.likelihoods import Question, option_likelihoods
from workbench.evaluation.suites.items import Item, ItemResult
from workbench.evaluation.suites.scorer import AnswerScorer, OptionScorer
from workbench.evaluation.suites.suites import Suite, key_of
from workbench.models.loaded_base import context_length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.nn import Module
    from transformers import PreTrainedTokenizerBase

    from workbench.evaluation.suites.items import Size
    from workbench.evaluation.suites.scorer import Likelihood


class _Asked(NamedTuple):
    suite: Suite
    item: Item
    prompt: list[int]

    @property
    def key(self) -> str:
        return key_of(self.suite, self.item)

    @property
    def has_options(self) -> bool:
        return isinstance(self.suite.scorer, OptionScorer)


def ask(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    suites: Sequence[Suite],
    size: Size,
    *,
    prompt_tokens: Callable[[str], list[int]],
    batch_size: int = 16,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    room: int = 0,
) -> list[ItemResult]:
    """Ask the items of this size of all suites, and score what comes back.

    Options are scored as the assistant's answer, and answers of all suites are generated together.
    Greedy answers and the seeded draws are the same each time; the model's mode and the random
    state are left as they were.

    Args:
        model: A causal language model, with or without adapters.
        tokenizer: The model's.
        suites: What to ask.
        size: How much of it.
        prompt_tokens: Renders what a user says, up to where the assistant answers.
        batch_size: Prompts in one batch.
        report: Told how many items are done, and of how many.
        room: Tokens of the context that stay free in any case: those that a tuned model will take
            for itself, so that its base is asked no more and says no more than it can.

    Returns:
        One result an item, in the order of the suites and their items.

    Raises:
        BadInputError: An item leaves no room for its answer in the model's context.
    """
    context = context_length(model, room)
    asked = [
        _Asked(suite, item, prompt_tokens(item.prompt))
        for suite in suites
        for item in suite.asked(size)
    ]
    questions = {one.key: _question(one, tokenizer, context) for one in asked if one.has_options}
    requests = {one.key: _requests(one, context) for one in asked if not one.has_options}
    flat = [request for group in requests.values() for request in group]
    total = len(questions) + len(flat)

    def told(before: int) -> Callable[[int, int], None]:
        return lambda done, _total: report(before + done, total)

    likelihoods = option_likelihoods(
        model, tokenizer, list(questions.values()), batch_size=batch_size, report=told(0)
    )
    answers = answer_all(model, tokenizer, flat, batch_size=batch_size, report=told(len(questions)))
    found = iter(tokenizer.batch_decode(answers, skip_special_tokens=True))
    said = {key: [next(found).strip() for _ in group] for key, group in requests.items()}
    chosen = dict(zip(questions, likelihoods, strict=True))
    return [_scored(one, chosen.get(one.key, []), said.get(one.key, [])) for one in asked]


def _question(one: _Asked, tokenizer: PreTrainedTokenizerBase, context: float) -> Question:
    options = [tokenizer(text, add_special_tokens=False).input_ids for text in one.item.options]
    _check_length(one, max(map(len, options)), context)
    return Question(one.prompt, options)


def _requests(one: _Asked, context: float) -> list[Request]:
    """A greedy request, or one for each draw; an answer ends where the context does."""
    _check_length(one, 1, context)
    longest = int(min(one.suite.new_tokens, context - len(one.prompt)))
    scorer = one.suite.scorer
    draws = scorer.samples if isinstance(scorer, AnswerScorer) else 0
    if not draws:
        return [Request(one.prompt, longest)]
    seeds = [zlib.crc32(f"{one.key}/{draw}".encode()) for draw in range(draws)]
    return [Request(one.prompt, longest, seed) for seed in seeds]


def _check_length(one: _Asked, answer: int, context: float) -> None:
    if len(one.prompt) + answer > context:
        raise BadInputError(
            f"item {one.key}: its {len(one.prompt):,} tokens and an answer of {answer:,} are more "
            f"than the model's context of {context:,.0f}; shorten it or leave the suite out"
        )


def _scored(one: _Asked, likelihoods: Sequence[Likelihood], answers: Sequence[str]) -> ItemResult:
    scorer = one.suite.scorer
    if isinstance(scorer, OptionScorer):
        outcome = scorer.choose(one.item, likelihoods)
    else:
        outcome = cast("AnswerScorer", scorer).grade(one.item, answers)
    return ItemResult(
        suite=one.suite.name, id=one.item.id, prompt=one.item.prompt, **outcome.model_dump()
    )
