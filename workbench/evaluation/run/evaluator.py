"""The examination of a run: what base and result are asked, and the report of how they did."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.rendering import Renderer
from workbench.data.splitting import load_examples
from workbench.evaluation.analysis.contamination import overlapping, texts_of
from workbench.evaluation.analysis.domain_leak import boilerplate
from workbench.evaluation.report.report import Measurement, Noise, Report
from workbench.evaluation.run.baseline_cache import (
    Baseline,
    BaselineResults,
    baseline,
    baseline_key,
)
from workbench.evaluation.run.measuring import Rooms, measure, probe, prompt_tokens, questions
from workbench.evaluation.run.text_metrics import (
    BATCH,
    BATCH_TOKENS,
    TOP_TOKENS,
    TextEvaluator,
    mean_of,
)
from workbench.evaluation.suites.scorer import OptionScorer
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.retention.base import GeneralProtection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.data.rendering import Rendered
    from workbench.evaluation.report.report import TextResult
    from workbench.models.loaded_base import LoadedBase
    from workbench.recipe.evaluation import SuiteSize

_NOISE_BATCH = 5
"""Rows or questions in a batch when the base is measured against itself."""

_WATCHED_TASK = 4
"""Held-out rows whose KL is measured while training."""


class Evaluator:
    """One set of questions for one run, the same for the base and for whatever comes of it.

    Attributes:
        asked: The questions.
        general: Held-out general text.
        task: Held-out rows of the dataset, as text.
        notes: What is asked less or cut, in sentences.
    """

    def __init__(
        self,
        loaded: LoadedBase,
        size: SuiteSize | None = None,
        warn: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Tokenise everything.

        Args:
            loaded: The run.
            size: Of the suites; the recipe's unless given.
            warn: Told where there is no memory for as much at once as usual; the report says so
                as well.

        Raises:
            BadInputError: Something cannot be asked as the recipe says.
        """
        evaluation = loaded.recipe.evaluation
        self._loaded = loaded
        heldout, cut_heldout = _within_context(loaded, "Held-out rows", loaded.heldout())
        self._general_rows, cut_general = _within_context(
            loaded, "Rows of general text", _general_rows(loaded)
        )
        self._task_rows = heldout[: evaluation.text_rows]
        self.asked = questions(loaded, heldout, evaluation.size if size is None else size)
        self.notes = tuple(filter(None, (self.asked.note, cut_heldout, cut_general)))
        self._warn = warn
        self._shortages: list[str] = []
        self._rooms = Rooms(loaded.recipe.training.micro_batch_size, self._short)
        self.general = self._texts(self._general_rows, evaluation.retention_rows)
        self.task = self._texts(self._task_rows, _WATCHED_TASK)

    def base(self, fingerprint: Tensor, folder: Path, tell: ProgressCallback) -> Baseline:
        """What the untouched base does, kept in ``folder``; not measured again where it was.

        Raises:
            FtwbError: It cannot be measured or kept.
        """
        key = baseline_key(fingerprint, *self._settings())
        return baseline(folder, key, lambda: self._measure_base(key, tell), tell)

    def result(self, model: Module, base: Baseline, tell: ProgressCallback) -> Measurement:
        """What a tuned model does, in the same batches."""
        with self._loaded.autocast():
            general = self._read(self.general, model, base.general)
            task = self._read(self.task, model, base.task)
            done = measure(model, self._loaded, self.asked, tell, self._rooms)
        return done.model_copy(update={"general": general, "task": task})

    def report(self, base: Baseline, after: Measurement, notes: tuple[str, ...] = ()) -> Report:
        """Put before and after side by side, with what a reader must know of the data."""
        before, asked = base.results.measurement, self.asked
        said = (*before.answers, *(item.answer for item in before.items))
        size = asked.size
        return Report(
            prompts=self._loaded.recipe.evaluation.prompts,
            before=before,
            after=after,
            size="" if size == "none" else size,
            suites=() if size == "none" else tuple(suite.facts(size) for suite in asked.suites),
            boilerplate=boilerplate(self._taught(), said),
            heldout_rows=len(self._loaded.split.heldout),
            noise=base.results.noise,
            contaminated=()
            if size == "none"
            else overlapping(asked.suites, size, self._trained_on()),
            notes=(*notes, *self.notes, *self._shortages),
        )

    def _texts(self, rows: Sequence[Rendered], watched: int, size: int = BATCH) -> TextEvaluator:
        loaded = self._loaded
        padding = loaded.tokenizer.pad_token_id
        return TextEvaluator(rows, padding, loaded.device, watched=watched, size=size)

    def _measure_base(self, key: str, tell: ProgressCallback) -> Baseline:
        loaded = self._loaded
        with loaded.autocast():
            tell("general and held-out text", 0, 0)
            general, task = (
                self._rooms.texts.run(partial(_predictions, texts, loaded.base))
                for texts in (self.general, self.task)
            )
            done = measure(loaded.base, loaded, self.asked, tell, self._rooms)
            noise = self._noise(done, general, tell)
        measurement = done.model_copy(
            update={"general": self.general.of_base(general), "task": self.task.of_base(task)}
        )
        results = BaselineResults(key=key, measurement=measurement, noise=noise)
        return Baseline(results, general, task)

    def _noise(
        self, done: Measurement, general: dict[str, Tensor], tell: ProgressCallback
    ) -> Noise | None:
        """Ask the base a little once more, in batches of another size."""
        loaded, size = self._loaded, self.asked.size
        tell("the noise floor", 0, 0)
        watched = loaded.recipe.evaluation.retention_rows
        texts = self._texts(self._general_rows, watched, _NOISE_BATCH)
        suites = [suite for suite in self.asked.suites if isinstance(suite.scorer, OptionScorer)]
        quick: SuiteSize = "none" if size == "none" else "quick"
        room = AutoBatchSize("the noise floor", _NOISE_BATCH, self._short)
        again = room.run(lambda at_once: probe(loaded.base, loaded, suites, quick, tell, at_once))
        kl = mean_of(self._read(texts, loaded.base, general), "kl")
        first = {(item.suite, item.id): item.score for item in done.items}
        if kl is None and not again:
            return None
        changed = sum(first[item.suite, item.id] != item.score for item in again)
        return Noise(kl=kl or 0.0, changed=changed, items=len(again))

    def _read(
        self, texts: TextEvaluator, model: Module, base: dict[str, Tensor]
    ) -> tuple[TextResult, ...]:
        return self._rooms.texts.run(lambda at_once: texts.results(model, base, at_once=at_once))

    def _short(self, text: str) -> None:
        self._shortages.append(text)
        self._warn(text)

    def _settings(self) -> list[object]:
        """All that decides what the base answers, as plain values."""
        loaded, asked = self._loaded, self.asked
        evaluation = loaded.recipe.evaluation
        return [
            str(loaded.device),
            str(loaded.base.dtype),
            str(loaded.autocast_dtype),
            asked.size,
            [[suite.model_dump_json(), repr(suite.scorer)] for suite in asked.suites],
            [list(part) for part in asked.target],
            [evaluation.target_metric, evaluation.target_max_new_tokens],
            [list(ids) for ids in asked.prompts],
            prompt_tokens(loaded.renderer, "?"),
            loaded.recipe.strategy.virtual_tokens(),
            evaluation.prompts_max_new_tokens,
            [batch["labels"].tolist() for batch in asked.heldout],
            [batch["input_ids"].tolist() for batch in asked.heldout],
            [(row.input_ids, row.labels) for row in (*self._general_rows, *self._task_rows)],
            [len(self._general_rows), evaluation.retention_rows, _WATCHED_TASK],
            [BATCH, BATCH_TOKENS, TOP_TOKENS, _NOISE_BATCH],
        ]

    def _taught(self) -> list[str]:
        return [
            message.content
            for example in self._loaded.split.train
            for message in example.messages
            if message.role == "assistant"
        ]

    def _trained_on(self) -> Iterator[str]:
        """Every text that training or a protection reads."""
        yield from texts_of(self._loaded.split.train)
        for protection in self._loaded.recipe.retention.active().values():
            if isinstance(protection, GeneralProtection):
                yield from texts_of(load_examples(protection.source).rows[: protection.rows])


def _predictions(texts: TextEvaluator, base: Module, at_once: int) -> dict[str, Tensor]:
    return texts.predictions(base, at_once=at_once)


def _within_context(
    loaded: LoadedBase, what: str, rows: Sequence[Rendered]
) -> tuple[list[Rendered], str]:
    """Rows cut to the model's context that have a token to learn, and how many had to be cut."""
    longest = max((len(row.input_ids) for row in rows), default=0)
    context = int(min(loaded.context_length, longest))
    cut = sum(len(row.input_ids) > context for row in rows)
    note = f"{what} longer than the model's context of {context:,} tokens are cut to it: {cut:,}"
    fitting = [short for row in rows if (short := row.cut(context)).learns]
    return fitting, note if cut else ""


def _general_rows(loaded: LoadedBase) -> list[Rendered]:
    """The first rows of held-out general text that have an answer to learn within the length."""
    evaluation = loaded.recipe.evaluation
    if evaluation.general_text is None:
        return []
    renderer = Renderer(
        loaded.tokenizer, assistant_only_loss=True, sequence_length=evaluation.text_max_length
    )
    rendered = renderer.render_all(load_examples(evaluation.general_text).rows)
    rows = [row for row in rendered if row.learns][: evaluation.text_rows]
    if not rows:
        raise BadInputError(
            f"evaluation.general_text: no row of {evaluation.general_text} has a token to predict "
            f"within {evaluation.text_max_length} tokens"
        )
    return rows
