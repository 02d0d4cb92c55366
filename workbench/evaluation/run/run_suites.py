"""Asking a model all items of all suites."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple, cast

from workbench.core.errors import BadInputError
from workbench.evaluation.run.generation import (
    GENERATION_BATCH,
    Ending,
    GenerationRequest,
    generate,
    no_progress,
)
from workbench.evaluation.run.likelihoods import MultipleChoice, option_likelihoods
from workbench.evaluation.run.prompts import probe_ending, prompt_tokens
from workbench.evaluation.suites.items import Item, ItemResult
from workbench.evaluation.suites.scorer import AnswerScorer, OptionScorer
from workbench.evaluation.suites.suites import Suite, item_key
from workbench.models.loaded_base import context_length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.nn import Module
    from transformers import PreTrainedTokenizerBase

    from workbench.evaluation.run.generation import BatchProgress
    from workbench.evaluation.suites.scorer import Likelihood
    from workbench.models.loaded_base import LoadedBase


_AT_EOS = Ending()


class _RenderedItem(NamedTuple):
    """An item with its prompt in tokens."""

    suite: Suite
    item: Item
    prompt_ids: list[int]

    @property
    def key(self) -> str:
        return item_key(self.suite, self.item)

    @property
    def has_options(self) -> bool:
        return isinstance(self.suite.scorer, OptionScorer)


def run_suites(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    suites: Sequence[Suite],
    *,
    render_prompt: Callable[[str], list[int]],
    batch_size: int = GENERATION_BATCH,
    report: BatchProgress = no_progress,
    reserved_tokens: int = 0,
    ending: Ending = _AT_EOS,
) -> list[ItemResult]:
    """Ask all items of all suites, and score the answers.

    Options are scored as the assistant's answer; answers of all suites are generated together.
    Greedy answers and seeded samples are the same each time; the model's mode and the random state
    are left as they were.

    Args:
        model: A causal language model, with or without adapters.
        tokenizer: The model's tokenizer.
        suites: What to ask.
        render_prompt: Turns a user message into tokens up to where the answer begins.
        batch_size: Prompts in one batch.
        report: Called with how many requests are done, and of how many.
        reserved_tokens: Tokens of the context to keep free. A tuned model with virtual tokens has a
            shorter context: its base must not be asked more than it can read.
        ending: Where answers begin and end.

    Returns:
        One result per item, in the order of the suites and their items.

    Raises:
        BadInputError: An item leaves no room for its answer in the model's context.
    """
    context = context_length(model, reserved_tokens)
    # 1. Render every item, and check that it fits before anything is asked.
    items = [
        _RenderedItem(suite, item, render_prompt(item.prompt))
        for suite in suites
        for item in suite.items
    ]
    questions = {
        item.key: _question(item, tokenizer, context) for item in items if item.has_options
    }
    requests = {item.key: _requests(item, context) for item in items if not item.has_options}
    all_requests = [request for group in requests.values() for request in group]
    total = len(questions) + len(all_requests)
    # 2. Score the options.
    likelihoods = option_likelihoods(
        model,
        tokenizer,
        list(questions.values()),
        batch_size=batch_size,
        report=lambda done, _: report(done, total),
    )
    # 3. Generate the answers.
    answers = generate(
        model,
        tokenizer,
        all_requests,
        batch_size=batch_size,
        report=lambda done, _: report(len(questions) + done, total),
        ending=ending,
    )
    # 4. Score item by item.
    texts = iter(tokenizer.batch_decode(answers, skip_special_tokens=True))
    answers_of = {key: [ending.cut(next(texts)) for _ in group] for key, group in requests.items()}
    likelihoods_of = dict(zip(questions, likelihoods, strict=True))
    return [
        _result(item, likelihoods_of.get(item.key, []), answers_of.get(item.key, []))
        for item in items
    ]


def suite_results(
    loaded: LoadedBase,
    model: Module,
    suites: Sequence[Suite],
    batch_size: int,
    report: BatchProgress,
) -> list[ItemResult]:
    """Ask all items of ``suites`` as a run asks them; see :func:`run_suites`."""
    return run_suites(
        model,
        loaded.tokenizer,
        suites,
        render_prompt=lambda text: prompt_tokens(loaded.renderer, text),
        batch_size=batch_size,
        report=report,
        reserved_tokens=loaded.recipe.strategy.virtual_tokens(),
        ending=probe_ending(loaded.renderer),
    )


def _question(
    item: _RenderedItem, tokenizer: PreTrainedTokenizerBase, context: float
) -> MultipleChoice:
    options = [tokenizer(text, add_special_tokens=False).input_ids for text in item.item.options]
    _check_length(item, max(map(len, options)), context)
    return MultipleChoice(item.prompt_ids, options)


def _requests(item: _RenderedItem, context: float) -> list[GenerationRequest]:
    """A greedy request, or one per sample; answers end where the context does."""
    _check_length(item, 1, context)
    longest = item.item.new_tokens or item.suite.new_tokens
    max_new_tokens = int(min(longest, context - len(item.prompt_ids)))
    scorer = item.suite.scorer
    samples = scorer.samples if isinstance(scorer, AnswerScorer) else 0
    if not samples:
        return [GenerationRequest(item.prompt_ids, max_new_tokens)]
    seeds = [zlib.crc32(f"{item.key}/{sample}".encode()) for sample in range(samples)]
    return [GenerationRequest(item.prompt_ids, max_new_tokens, seed) for seed in seeds]


def _check_length(item: _RenderedItem, answer_tokens: int, context: float) -> None:
    if len(item.prompt_ids) + answer_tokens > context:
        raise BadInputError(
            f"item {item.key}: its {len(item.prompt_ids):,} tokens and an answer of "
            f"{answer_tokens:,} exceed the model's context of {context:,.0f}; shorten it or leave "
            "the suite out"
        )


def _result(
    item: _RenderedItem, likelihoods: Sequence[Likelihood], answers: Sequence[str]
) -> ItemResult:
    scorer = item.suite.scorer
    if isinstance(scorer, OptionScorer):
        outcome = scorer.choose(item.item, likelihoods)
    else:
        outcome = cast("AnswerScorer", scorer).grade(item.item, answers)
    return ItemResult(
        suite=item.suite.name,
        id=item.item.id,
        prompt=item.item.prompt,
        cluster=item.item.cluster,
        **outcome.model_dump(),
    )
