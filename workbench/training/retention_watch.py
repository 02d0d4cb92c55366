"""Watching what is forgotten while it is being forgotten."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from workbench.training.measuring import general_answers
from workbench.training.texts import mean_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.probes.report import TextResult
    from workbench.training.base_evidence import BaseEvidence
    from workbench.training.examination import Examination
    from workbench.training.opening import Opened
    from workbench.training.reporter import Reporter
    from workbench.training.texts import Texts


@dataclass(frozen=True)
class RetentionWatch:
    """Measures KL and loss against the base, and asks the canaries; training is left as it was.

    The KL is a lower bound, from the base's most likely tokens (see :mod:`workbench.training.texts`
    for how the rest is counted).

    Attributes:
        opened: The run.
        examination: What is asked.
        base: What the untouched base did.
        reporter: Where the numbers go.
    """

    opened: Opened
    examination: Examination
    base: BaseEvidence
    reporter: Reporter

    def measure(self, model: Module) -> float | None:
        """Write a ``retention`` event and return the KL on general text, nats per token.

        None where there is no general text to measure it on.
        """
        with undisturbed():
            kl, delta_nll = _against(self.examination.general, model, self.base.general)
            kl_task, _ = _against(self.examination.task, model, self.base.task)
        found = {"kl": kl, "delta_nll": delta_nll, "kl_task": kl_task}
        known = {name: value for name, value in found.items() if value is not None}
        if known:
            self.reporter.event("retention", **known)
        return kl

    def ask_canaries(self, model: Module) -> None:
        """Write the greedy answer to each general prompt as a ``canary`` event."""
        with undisturbed(), self.opened.as_trained():
            answers = general_answers(
                model, self.opened, self.examination.asked, lambda _what, _done, _total: None
            )
        prompts = self.opened.recipe.evaluation.prompts
        for prompt, answer in zip(prompts, answers, strict=True):
            self.reporter.event("canary", name=prompt, value=answer)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put every random state back afterwards, so that a watched run draws what any other does."""
    python, numbers = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count())
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)


def _against(
    texts: Texts, model: Module, base: Mapping[str, Tensor]
) -> tuple[float | None, float | None]:
    """KL to the base and change of the loss on the watched rows; None where there are none."""
    after = texts.results(model, base, watched_only=True)
    before = texts.of_base(base)[: len(after)]
    return mean_of(after, "kl"), _rise(before, after)


def _rise(before: Sequence[TextResult], after: Sequence[TextResult]) -> float | None:
    first, second = mean_of(before, "nll"), mean_of(after, "nll")
    return None if first is None or second is None else second - first
