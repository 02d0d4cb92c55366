"""Time to score the option items of the suites, as a ratio to lm-evaluation-harness.

    python -m tests.benchmarks.options --items 200

Both score the same options of the same items on one loaded demo model, taking turns; the goal is
a ratio below 1. The harness gets its requests as its own tasks would make them, and batches of as
many sequences as ftwb has options in a batch. Their log-probabilities are compared as well. Needs
``pip install lm_eval``.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import torch

from tests.benchmarks.recording import option_parser, save
from workbench.core.progress import silent
from workbench.data.formats import Message
from workbench.data.rendering import Renderer
from workbench.evaluation.run.likelihoods import MultipleChoice, option_likelihoods
from workbench.evaluation.suites.scorer import OptionScorer
from workbench.evaluation.suites.suites import shipped_suites
from workbench.models import loading
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.evaluation.suites.items import Item

ROUNDS = 3
QUESTIONS_PER_BATCH = 16


class Round(NamedTuple):
    """Seconds of one round, and the log-probability of each option in nats."""

    seconds: float
    log_probs: list[float]


class LoadedDemo:
    """The demo model with both ways to score options."""

    def __init__(self) -> None:
        section = ModelSection(id="demo")
        folder = loading.locate(section, silent)
        self.tokenizer = loading.load_tokenizer(section, folder)
        device = loading.choose_device()
        self.model = loading.load_base(section, folder, device=device, dtype=torch.float32)
        self._renderer = Renderer(self.tokenizer, assistant_only_loss=True, sequence_length=1024)

    def ftwb(self, items: list[Item]) -> Callable[[], list[float]]:
        """Score as ftwb does."""
        questions = [
            MultipleChoice(
                self._renderer.prompt([Message("user", item.prompt)]),
                [self.tokenizer(text, add_special_tokens=False).input_ids for text in item.options],
            )
            for item in items
        ]

        def score() -> list[float]:
            likelihoods = option_likelihoods(
                self.model, self.tokenizer, questions, batch_size=QUESTIONS_PER_BATCH
            )
            return [option.log_prob for options in likelihoods for option in options]

        return score

    def harness(self, items: list[Item]) -> Callable[[], list[float]]:
        """Score as lm-evaluation-harness does."""
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM

        write = self._renderer.template.render
        pairs = [
            (write([Message("user", item.prompt)], add_generation_prompt=True), option)
            for item in items
            for option in item.options
        ]
        sequences = QUESTIONS_PER_BATCH * len(pairs) // len(items)
        harness = HFLM(pretrained=self.model, tokenizer=self.tokenizer, batch_size=sequences)

        def score() -> list[float]:
            requests = [
                Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)
            ]
            return [value for value, _ in harness.loglikelihood(requests, disable_tqdm=True)]

        return score


def timed(score: Callable[[], list[float]]) -> Round:
    start = time.perf_counter()
    log_probs = score()
    return Round(time.perf_counter() - start, log_probs)


def option_items(count: int) -> list[Item]:
    """The first items with options, small sizes first."""
    suites = [suite for suite in shipped_suites() if isinstance(suite.scorer, OptionScorer)]
    items = [item for suite in suites for item in suite.items]
    sizes = ("quick", "standard", "full")
    return sorted(items, key=lambda item: sizes.index(item.size))[:count]


def measure(count: int) -> dict[str, object]:
    """Both ways in turns, after one warm-up each."""
    demo, items = LoadedDemo(), option_items(count)
    ways = {"ftwb": demo.ftwb(items), "harness": demo.harness(items)}
    for score in ways.values():
        score()
    rounds = [{name: timed(score) for name, score in ways.items()} for _ in range(ROUNDS)]
    pairs = zip(rounds[0]["ftwb"].log_probs, rounds[0]["harness"].log_probs, strict=True)
    return {
        "items": len(items),
        "ftwb_seconds": statistics.median(each["ftwb"].seconds for each in rounds),
        "harness_seconds": statistics.median(each["harness"].seconds for each in rounds),
        "ratio": statistics.median(
            each["ftwb"].seconds / each["harness"].seconds for each in rounds
        ),
        "largest_difference_nats": max(abs(ours - theirs) for ours, theirs in pairs),
        "device": str(demo.model.device),
    }


def main() -> None:
    parser = option_parser("options", __doc__)
    parser.add_argument("--items", type=int, default=200)
    options = parser.parse_args()
    if importlib.util.find_spec("lm_eval") is None:
        sys.exit("lm-evaluation-harness is needed for the comparison: pip install lm_eval")
    figures = measure(options.items)
    for name, value in figures.items():
        print(f"{name:<24}{f'{value:.3g}' if isinstance(value, float) else value}")
    save(options, figures)


if __name__ == "__main__":
    main()
