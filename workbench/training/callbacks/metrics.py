"""What is measured of the model while it trains; training is left as it was."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from workbench.core.progress import silent
from workbench.evaluation.report import (
    body_mean,
    opening_mean,
    token_mean,
    token_mean_error,
)
from workbench.evaluation.run.generation import GENERATION_BATCH
from workbench.evaluation.run.text_metrics import TEXT_BATCH
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.eval_mode import preserved_rng_state
from workbench.models.loss import mean_nll, mean_nll_by_dataset

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


class TrainingMetrics:
    """Held-out loss, drift from the base, and canary answers, each written as an event.

    Where memory does not suffice, fewer rows are read at once; where not even one fits, the
    measurement is skipped with a notice: no run ends because it was measured.
    """

    def __init__(
        self, loaded: LoadedBase, evaluator: Evaluator, baseline: Baseline, reporter: Reporter
    ) -> None:
        """Measure against ``baseline``, the results of the untouched base.

        Args:
            loaded: The run's base.
            evaluator: Holds the questions and texts.
            baseline: What the untouched base did with them.
            reporter: Takes the numbers.
        """
        self._loaded = loaded
        self._evaluator = evaluator
        self._general = evaluator.general
        self._task = evaluator.task
        self._baseline = baseline
        self._reporter = reporter
        warn = partial(reporter.notice, level="warning")
        rows = loaded.recipe.training.micro_batch_size
        self._loss_batch = AutoBatchSize("the held-out loss", rows, warn)
        self._text_batch = AutoBatchSize("KL to the base", TEXT_BATCH, warn)
        self._answer_batch = AutoBatchSize("canary answers", GENERATION_BATCH, warn)

    def heldout_loss(self, model: Module) -> float | None:
        """Mean loss on held-out rows, nats per token; None without rows, or without memory."""
        heldout = self._evaluator.choosing
        if not heldout:
            return None
        loss = self._loss_batch.run_or_skip(lambda size: mean_nll(model, heldout, size))
        if loss is not None:
            self._reporter.event("eval", loss=loss, **self._loss_by_dataset(model))
        return loss

    def _loss_by_dataset(self, model: Module) -> dict[str, float]:
        """The held-out loss of each dataset, where there are several and each has rows."""
        names, heldout = self._loaded.split.names, self._evaluator.choosing
        if not all("dataset" in batch for batch in heldout):
            return {}
        means = self._loss_batch.run_or_skip(
            lambda size: mean_nll_by_dataset(model, heldout, len(names), size)
        )
        pairs = zip(names, means or [], strict=False)
        return {f"loss_of_{name}": mean for name, mean in pairs if not math.isnan(mean)}

    def retention(self, model: Module) -> dict[str, float]:
        """The drift from the base, as the ``retention`` event holds it, in nats per token.

        ``kl`` is the KL of the base to the model on general text, with its standard error over rows
        ``kl_error``; ``kl_opening`` is that at the first token of the answers, ``kl_body`` that at
        all others. ``delta_nll`` is the change of the loss on general text, and ``kl_task`` the KL
        on held-out rows. Empty without text, or without memory.
        """
        with preserved_rng_state():
            drift = self._text_batch.run_or_skip(lambda size: self._drift(model, size)) or {}
        measured = {name: value for name, value in drift.items() if value is not None}
        if measured:
            self._reporter.event("retention", **measured)
        return measured

    def canaries(self, model: Module) -> None:
        """Write the greedy answer to each general prompt as a ``canary`` event."""
        with preserved_rng_state(), self._loaded.autocast():
            answers = self._answer_batch.run_or_skip(
                lambda size: self._evaluator.answer_prompts(model, silent, size)
            )
        if answers is None:
            return
        prompts = self._loaded.recipe.evaluation.prompts
        for prompt, answer in zip(prompts, answers, strict=True):
            self._reporter.event("canary", name=prompt, value=answer)

    def _drift(self, model: Module, batch_size: int) -> dict[str, float | None]:
        before, after = _watched(self._general, model, self._baseline.general, batch_size)
        _, task = _watched(self._task, model, self._baseline.task, batch_size)
        kls = [text.kl for text in after]
        return {
            "kl": token_mean(after, kls),
            "kl_error": token_mean_error(after, kls),
            "kl_opening": opening_mean(after),
            "kl_body": body_mean(after),
            "delta_nll": _change(before, after),
            "kl_task": token_mean(task, [text.kl for text in task]),
        }


def _watched(
    texts: TextEvaluator, model: Module, base: Mapping[str, Tensor], batch_size: int
) -> tuple[Sequence[TextResult], Sequence[TextResult]]:
    """Results of base and model on the watched rows."""
    after = texts.results(model, base, watched_only=True, max_rows=batch_size)
    return texts.base_results(base, watched_only=True), after


def _change(before: Sequence[TextResult], after: Sequence[TextResult]) -> float | None:
    pairs = zip(before, after, strict=True)
    return token_mean(after, [later.nll - earlier.nll for earlier, later in pairs])
