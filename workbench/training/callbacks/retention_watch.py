"""Watching what is forgotten while it is being forgotten."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workbench.core.progress import silent
from workbench.evaluation.report import token_mean
from workbench.evaluation.run.generation import GENERATION_BATCH
from workbench.evaluation.run.text_metrics import TEXT_BATCH
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.eval_mode import undisturbed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.evaluation.report import TextResult
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
        self._text_room = AutoBatchSize("watching KL", TEXT_BATCH, warn)
        self._answer_room = AutoBatchSize("asking the canaries", GENERATION_BATCH, warn)

    def measure(self, model: Module) -> float | None:
        """Write a ``retention`` event and return the KL on general text, nats per token.

        None where there is no general text to measure it on, or no memory to do it.
        """
        with undisturbed():
            found = self._text_room.run_or_skip(lambda at_once: self._look(model, at_once)) or {}
        known = {name: value for name, value in found.items() if value is not None}
        if known:
            self._reporter.event("retention", **known)
        return known.get("kl")

    def ask_canaries(self, model: Module) -> None:
        """Write the greedy answer to each general prompt as a ``canary`` event."""
        with undisturbed(), self._loaded.as_trained():
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
        return self.evaluator.answer_prompts(model, silent, at_once)


def _against(
    texts: TextEvaluator, model: Module, base: Mapping[str, Tensor], at_once: int
) -> tuple[float | None, float | None]:
    """KL to the base and change of the loss on the watched rows; None where there are none."""
    after = texts.results(model, base, watched_only=True, max_rows=at_once)
    before = texts.base_results(base)[: len(after)]
    return token_mean(after, [text.kl for text in after]), _rise(before, after)


def _rise(before: Sequence[TextResult], after: Sequence[TextResult]) -> float | None:
    pairs = zip(before, after, strict=True)
    return token_mean(after, [later.nll - earlier.nll for earlier, later in pairs])
