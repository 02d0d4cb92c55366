"""The evaluation of a run: the same questions to base and tuned model, and the report on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.analysis.contamination import contaminated_items
from workbench.evaluation.analysis.domain_leak import boilerplate_phrases
from workbench.evaluation.analysis.sequential import LOOKS
from workbench.evaluation.overlap import overlaps
from workbench.evaluation.report import Measurement, Noise, Report, TargetItem, token_mean
from workbench.evaluation.run.baseline_cache import (
    Baseline,
    BaselineResults,
    baseline_key,
    cached_baseline,
)
from workbench.evaluation.run.cache_settings import NOISE_BATCH, WATCHED_TASK_ROWS, cache_settings
from workbench.evaluation.run.evaluation_set import evaluation_set
from workbench.evaluation.run.generation import GENERATION_BATCH, greedy_answers
from workbench.evaluation.run.prompts import (
    chat_ending,
    form_notes,
    probe_ending,
    prompt_form,
)
from workbench.evaluation.run.run_suites import suite_results
from workbench.evaluation.run.text_metrics import (
    TEXT_BATCH,
    TextEvaluator,
)
from workbench.evaluation.run.training_texts import training_answers, training_texts
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.loss import mean_nll

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.data.rendering import Rendered
    from workbench.evaluation.report import TextResult
    from workbench.evaluation.suites.items import ItemResult
    from workbench.evaluation.suites.suites import Suite
    from workbench.models.loaded_base import LoadedBase
    from workbench.recipe.evaluation import SuiteSize


class Evaluator:
    """Measures base and tuned model of one run in the same way, and writes the report.

    :meth:`measure_base` comes first and is cached; :meth:`measure` takes a tuned model; and
    :meth:`build_report` puts both side by side. Whatever does not fit into memory is done in
    smaller batches.

    Attributes:
        general: Held-out general text.
        task: Held-out rows of the dataset, as text.
        notes: What is left out or truncated, or read by the run too, in sentences.
    """

    def __init__(
        self,
        loaded: LoadedBase,
        size: SuiteSize | None = None,
        warn: Callable[[str], None] = lambda _text: None,
        *,
        to_choose: bool = False,
    ) -> None:
        """Tokenise everything that will be asked.

        Args:
            loaded: The run's base, tokenizer and data.
            size: How many items of the suites are asked; None for the recipe's size.
            warn: Called when a batch does not fit into memory; the report notes it as well.
            to_choose: Ask the rows by which a model is chosen, in place of those that are reported.

        Raises:
            BadInputError: Something cannot be asked as the recipe says.
        """
        recipe = loaded.recipe
        self._loaded = loaded
        self._set = evaluation_set(
            loaded, recipe.evaluation.size if size is None else size, to_choose=to_choose
        )
        shared = overlaps(recipe, loaded.split.train)
        self.notes = (*map(str, shared), *self._set.notes)
        self.general = self._general_text()
        self.task = self._text_evaluator(self._set.task_text, WATCHED_TASK_ROWS)
        self._warn = warn
        self._memory_notes: list[str] = []
        warn_and_note = self._warn_and_note
        self._generation = AutoBatchSize("answers to prompts", GENERATION_BATCH, warn_and_note)
        self._loss = AutoBatchSize(
            "the held-out loss", recipe.training.micro_batch_size, warn_and_note
        )
        self._text = AutoBatchSize("loss and KL on text", TEXT_BATCH, warn_and_note)

    @property
    def heldout(self) -> Sequence[dict[str, Tensor]]:
        """Held-out rows for the loss, in padded batches on the model's device."""
        return self._set.heldout

    @property
    def choosing(self) -> Sequence[dict[str, Tensor]]:
        """Those for the loss during training, by which weights may be chosen."""
        return self._set.choosing

    def measure_base(self, fingerprint: Tensor, folder: Path, report: ProgressCallback) -> Baseline:
        """Measure the untouched base and keep the results in ``folder``, unless they are cached.

        Raises:
            FtwbError: The base cannot be measured or the results cannot be written.
        """
        key = baseline_key(fingerprint, self.cache_settings())
        return cached_baseline(folder, key, lambda: self._measure_base(key, report), report)

    def measure(self, model: Module, base: Baseline, report: ProgressCallback) -> Measurement:
        """Measure a tuned model, in the same batches as the base.

        Raises:
            DeviceMemoryError: Not even one row or prompt fits into memory.
        """
        with self._loaded.autocast():
            # 1. Loss and KL to the base on text.
            general = self._text_results(self.general, model, base.general)
            task = self._text_results(self.task, model, base.task)
            # 2. to 5.
            return self._measure_answers(model, general, task, report)

    def build_report(
        self, base: Baseline, after: Measurement, notes: tuple[str, ...] = ()
    ) -> Report:
        """Put base and tuned model side by side, with what a reader must know about the data."""
        before, size, suites = base.results.measurement, self._set.size, self._set.suites
        renderer, looks = self._loaded.renderer, len(LOOKS) if size == "auto" else 0
        base_answers = (*before.answers, *(item.answer for item in before.items))
        return Report(
            prompts=self._loaded.recipe.evaluation.prompts,
            before=before,
            after=after,
            size="" if size == "none" else size,
            suites=tuple(suite.facts("full") for suite in suites),
            boilerplate=boilerplate_phrases(training_answers(self._loaded), base_answers),
            heldout_rows=len(self._loaded.split.heldout),
            noise=base.results.noise,
            contaminated=contaminated_items(suites, "full", training_texts(self._loaded)),
            look=min(looks, 1),
            looks=looks,
            limits=self._loaded.recipe.evaluation.limits,
            thinking=renderer.template.thinking,
            prompt_form=prompt_form(renderer),
            notes=(*notes, *form_notes(renderer), *self.notes, *self._memory_notes),
        )

    def answer_prompts(
        self, model: Module, report: ProgressCallback, batch_size: int = GENERATION_BATCH
    ) -> list[str]:
        """Greedy answers to the general prompts."""
        return greedy_answers(
            model,
            self._loaded.tokenizer,
            self._set.prompts,
            max_new_tokens=self._loaded.recipe.evaluation.prompts_max_new_tokens,
            batch_size=batch_size,
            report=lambda done, total: report("general prompts", done, total),
            ending=probe_ending(self._loaded.renderer),
        )

    def cache_settings(self) -> dict[str, object]:
        """Everything that decides what the base answers, as plain values by name."""
        return cache_settings(self._loaded, self._set)

    def _measure_base(self, key: str, report: ProgressCallback) -> Baseline:
        base = self._loaded.base
        with self._loaded.autocast():
            # 1. Predictions on text, from which the KL of tuned models is computed.
            report("general and held-out text", 0, 0)
            general = self._text.run(
                lambda rows: self.general.base_predictions(base, max_rows=rows)
            )
            task = self._text.run(lambda rows: self.task.base_predictions(base, max_rows=rows))
            # 2. to 5.
            measurement = self._measure_answers(
                base, self.general.base_results(general), self.task.base_results(task), report
            )
            # 6. The base once more in other batches: what no comparison can resolve.
            noise = self._noise_floor(measurement, general, report)
        return Baseline(
            BaselineResults(key=key, measurement=measurement, noise=noise), general, task
        )

    def _measure_answers(
        self,
        model: Module,
        general: tuple[TextResult, ...],
        task: tuple[TextResult, ...],
        report: ProgressCallback,
    ) -> Measurement:
        """Everything but text; answers are greedy, so that they can be repeated."""
        asked = self._set
        # 2. The target score: answers to held-out rows.
        target = self._generation.run(lambda rows: self._target_items(model, report, rows))
        # 3. The loss on held-out rows.
        heldout_nll = None
        if asked.heldout:
            heldout_nll = self._loss.run(lambda rows: mean_nll(model, asked.heldout, rows))
        # 4. Answers to the general prompts.
        answers = self._generation.run(lambda rows: self.answer_prompts(model, report, rows))
        # 5. The probe suites.
        items = self._generation.run(
            lambda rows: self._suite_results(model, asked.suites, report, rows)
        )
        return Measurement(
            heldout_nll=heldout_nll,
            target=target,
            answers=tuple(answers),
            items=tuple(items),
            general=general,
            task=task,
        )

    def _target_items(
        self, model: Module, report: ProgressCallback, batch_size: int
    ) -> tuple[TargetItem, ...]:
        evaluation, rows = self._loaded.recipe.evaluation, self._set.target
        answers = greedy_answers(
            model,
            self._loaded.tokenizer,
            [row.prompt_ids for row in rows],
            max_new_tokens=evaluation.target_max_new_tokens,
            batch_size=batch_size,
            report=lambda done, total: report("held-out rows", done, total),
            ending=chat_ending(self._loaded.renderer),
        )
        metric = evaluation.target_metric
        return tuple(
            TargetItem(prompt=row.prompt, label=row.label, answer=answer, metric=metric)
            for row, answer in zip(rows, answers, strict=True)
        )

    def _suite_results(
        self, model: Module, suites: Sequence[Suite], report: ProgressCallback, batch_size: int
    ) -> list[ItemResult]:
        return suite_results(
            self._loaded,
            model,
            suites,
            batch_size,
            lambda done, total: report("probe items", done, total),
        )

    def _noise_floor(
        self, first: Measurement, general: Mapping[str, Tensor], report: ProgressCallback
    ) -> Noise | None:
        """Measure a part of the base again, in batches of another size."""
        report("the noise floor", 0, 0)
        base, asked = self._loaded.base, self._set
        text = self._general_text(NOISE_BATCH)
        results = self._text_results(text, base, general)
        kl = token_mean(results, [result.kl for result in results])
        suites = [_repeated(suite, asked.size) for suite in asked.suites]
        repeated = AutoBatchSize("the noise floor", NOISE_BATCH, self._warn_and_note).run(
            lambda rows: self._suite_results(base, suites, report, rows)
        )
        if kl is None and not repeated:
            return None
        scores = {(item.suite, item.id): item.score for item in first.items}
        changed = sum(scores[item.suite, item.id] != item.score for item in repeated)
        return Noise(kl=kl or 0.0, changed=changed, items=len(repeated))

    def _general_text(self, batch_size: int = TEXT_BATCH) -> TextEvaluator:
        watched = self._loaded.recipe.evaluation.retention_rows
        text, apart = self._set.general_text, self._set.apart
        return self._text_evaluator(text, watched, apart=apart, batch_size=batch_size)

    def _text_evaluator(
        self,
        rows: Sequence[Rendered],
        watched: int,
        *,
        apart: bool = False,
        batch_size: int = TEXT_BATCH,
    ) -> TextEvaluator:
        pad_token_id, device = self._loaded.tokenizer.pad_token_id, self._loaded.device
        return TextEvaluator(
            rows, pad_token_id, device, watched=watched, apart=apart, batch_size=batch_size
        )

    def _text_results(
        self, text: TextEvaluator, model: Module, predictions: Mapping[str, Tensor]
    ) -> tuple[TextResult, ...]:
        return self._text.run(lambda rows: text.results(model, predictions, max_rows=rows))

    def _warn_and_note(self, message: str) -> None:
        self._memory_notes.append(message)
        self._warn(message)


def _repeated(suite: Suite, size: SuiteSize) -> Suite:
    """The items of a suite that are asked twice: the quick ones, or those of the first look.

    Sampled answers, which are never judged, are not asked again.
    """
    judged = suite.measures != "information"
    items = suite.items if size == "auto" else suite.items_at("quick")
    return suite.model_copy(update={"items": items if judged else ()})
