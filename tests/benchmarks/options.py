"""How long the option items of the suites take, as a ratio to lm-evaluation-harness.

    python tests/benchmarks/options.py --items 200

Both score the same options of the same items on one loaded demo model, taking turns; the goal is
a ratio below 1. The harness gets its requests as its own tasks would make them, and batches of as
many sequences as ftwb has options in a batch. Their likelihoods are compared as well. Needs
``pip install lm_eval``. Prints one JSON document with the facts of the machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import torch

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
QUESTIONS_IN_A_BATCH = 16


class Timed(NamedTuple):
    """Seconds of one round, and the log-probability of each option in nats."""

    seconds: float
    log_probs: list[float]


class Loaded:
    """The demo model with the two ways to ask it."""

    def __init__(self) -> None:
        section = ModelSection(id="demo")
        folder = loading.locate(section, lambda *_: None)
        self.tokenizer = loading.load_tokenizer(section, folder)
        device = loading.choose_device()
        self.model = loading.load_base(section, folder, device=device, dtype=torch.float32)
        self._renderer = Renderer(self.tokenizer, assistant_only=True, sequence_length=1024)

    def ftwb(self, items: list[Item]) -> Callable[[], list[float]]:
        """Ask as ftwb does."""
        questions = [
            MultipleChoice(
                self._renderer.prompt([Message("user", item.prompt)]),
                [self.tokenizer(text, add_special_tokens=False).input_ids for text in item.options],
            )
            for item in items
        ]

        def ask() -> list[float]:
            found = option_likelihoods(
                self.model, self.tokenizer, questions, batch_size=QUESTIONS_IN_A_BATCH
            )
            return [option.log_prob for options in found for option in options]

        return ask

    def harness(self, items: list[Item]) -> Callable[[], list[float]]:
        """Ask as lm-evaluation-harness does."""
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM

        write = self._renderer.template.write
        pairs = [
            (write([Message("user", item.prompt)], answer_next=True), option)
            for item in items
            for option in item.options
        ]
        sequences = QUESTIONS_IN_A_BATCH * len(pairs) // len(items)
        harness = HFLM(pretrained=self.model, tokenizer=self.tokenizer, batch_size=sequences)

        def ask() -> list[float]:
            requests = [
                Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)
            ]
            return [found for found, _ in harness.loglikelihood(requests, disable_tqdm=True)]

        return ask


def timed(ask: Callable[[], list[float]]) -> Timed:
    start = time.perf_counter()
    found = ask()
    return Timed(time.perf_counter() - start, found)


def option_items(count: int) -> list[Item]:
    """The first items that are chosen from options, small sizes first."""
    suites = [suite for suite in shipped_suites() if isinstance(suite.scorer, OptionScorer)]
    items = [item for suite in suites for item in suite.items]
    sizes = ("quick", "standard", "full")
    return sorted(items, key=lambda item: sizes.index(item.size))[:count]


def measure(count: int) -> dict[str, object]:
    """Both ways in turns, after one warm-up each."""
    loaded, items = Loaded(), option_items(count)
    ways = {"ftwb": loaded.ftwb(items), "harness": loaded.harness(items)}
    for ask in ways.values():
        ask()
    rounds = [{name: timed(ask) for name, ask in ways.items()} for _ in range(ROUNDS)]
    pairs = zip(rounds[0]["ftwb"].log_probs, rounds[0]["harness"].log_probs, strict=True)
    return {
        "items": len(items),
        "ftwb_seconds": statistics.median(found["ftwb"].seconds for found in rounds),
        "harness_seconds": statistics.median(found["harness"].seconds for found in rounds),
        "ratio": statistics.median(
            found["ftwb"].seconds / found["harness"].seconds for found in rounds
        ),
        "largest_difference_nats": max(abs(one - other) for one, other in pairs),
        "device": str(loaded.model.device),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=200)
    asked = parser.parse_args()
    if importlib.util.find_spec("lm_eval") is None:
        sys.exit(
            "lm-evaluation-harness is not installed, so there is nothing to compare with: "
            "pip install lm_eval"
        )
    machine = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__}
    print(json.dumps({**measure(asked.items), **machine}))


if __name__ == "__main__":
    main()
