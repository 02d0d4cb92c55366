"""Watching what is forgotten while it is being forgotten."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workbench.evaluation.run.measuring import ANSWER_BATCH, general_answers
from workbench.evaluation.run.text_metrics import BATCH, mean_of
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.eval_mode import preserved_rng_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.evaluation.report.report import TextResult
    from workbench.evaluation.run.baseline_cache import Baseline
    from workbench.evaluation.run.evaluator import Evaluator
    from workbench.evaluation.run.text_metrics import TextEvaluator
    from workbench.models.loaded_base import LoadedBase
    from workbench.training.reporting.reporter import Reporter


class RetentionWatch:
    """Measures KL and loss against the base, and asks the canaries; training is left as it was.

    The KL is a lower bound, from the base's most likely tokens (how the rest is counted: see
    :mod:`workbench.evaluation.run.text_metrics`). What there is no memory for is looked at in
    parts, or left out.

    Attributes:
        examination: What is asked.
    """

    def __init__(
        self, loaded: LoadedBase, evaluator: Evaluator, base: Baseline, reporter: Reporter
    ) -> None:
        """Watch a run; ``base`` is what the untouched base did, and numbers go to ``reporter``."""
        self.evaluator = evaluator
        self._loaded = loaded
        self._base = base
        self._reporter = reporter
        warn = partial(reporter.notice, level="warning")
        self._text_room = AutoBatchSize("watching KL", BATCH, warn)
        self._answer_room = AutoBatchSize("asking the canaries", ANSWER_BATCH, warn)

    def measure(self, model: Module) -> float | None:
        """Write a ``retention`` event and return the KL on general text, nats per token.

        None where there is no general text to measure it on, or no memory to do it.
        """
        with preserved_rng_state():
            found = self._text_room.run_or_skip(lambda at_once: self._look(model, at_once)) or {}
        known = {name: value for name, value in found.items() if value is not None}
        if known:
            self._reporter.event("retention", **known)
        return known.get("kl")

    def ask_canaries(self, model: Module) -> None:
        """Write the greedy answer to each general prompt as a ``canary`` event."""
        with preserved_rng_state(), self._loaded.autocast():
            answers = self._answer_room.run_or_skip(lambda at_once: self._answers(model, at_once))
        if answers is None:
            return
        prompts = self._loaded.recipe.evaluation.prompts
        for prompt, answer in zip(prompts, answers, strict=True):
            self._reporter.event("canary", name=prompt, value=answer)

    def _look(self, model: Module, at_once: int) -> dict[str, float | None]:
        general, task, base = self.evaluator.general, self.evaluator.task, self._base
        kl, delta_nll = _against(general, model, base.general, at_once)
        kl_task, _ = _against(task, model, base.task, at_once)
        return {"kl": kl, "delta_nll": delta_nll, "kl_task": kl_task}

    def _answers(self, model: Module, at_once: int) -> list[str]:
        asked = self.evaluator.asked
        return general_answers(model, self._loaded, asked, lambda *_: None, at_once)


def _against(
    texts: TextEvaluator, model: Module, base: Mapping[str, Tensor], at_once: int
) -> tuple[float | None, float | None]:
    """KL to the base and change of the loss on the watched rows; None where there are none."""
    after = texts.results(model, base, watched_only=True, at_once=at_once)
    before = texts.of_base(base)[: len(after)]
    return mean_of(after, "kl"), _rise(before, after)


def _rise(before: Sequence[TextResult], after: Sequence[TextResult]) -> float | None:
    first, second = mean_of(before, "nll"), mean_of(after, "nll")
    return None if first is None or second is None else second - first
