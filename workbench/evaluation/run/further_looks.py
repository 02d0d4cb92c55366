"""Further looks of ``evaluation.size: auto``: asking on until every question is decided.

After each look the report holds all results so far, so nothing is lost if the process ends there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.data.splitting import load_split
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.contamination import contaminated_items
from workbench.evaluation.analysis.sequential import undecided
from workbench.evaluation.fingerprint import Numerics, take_fingerprint, verify_base
from workbench.evaluation.report import read_report_file
from workbench.evaluation.run.baseline_cache import baseline_key, cached_items
from workbench.evaluation.run.cache_settings import model_settings, suite_settings
from workbench.evaluation.run.generation import GENERATION_BATCH
from workbench.evaluation.run.looks import items_at_look, only_items
from workbench.evaluation.run.run_suites import suite_results
from workbench.evaluation.run.training_texts import training_texts
from workbench.evaluation.suites.suites import named_suites
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.dtype import read_dtypes
from workbench.models.loaded_base import open_base
from workbench.models.template_record import read_template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.evaluation.report import Report
    from workbench.evaluation.suites.items import ItemResult
    from workbench.evaluation.suites.suites import Suite
    from workbench.models.loaded_base import LoadedBase
    from workbench.runs.folder import RunFolder


def look_further(
    run: RunFolder,
    tuned: Path,
    file: Path,
    progress: ProgressCallback,
    save: Callable[[Report], None] | None = None,
) -> None:
    """Ask base and tuned model further items until all is decided, or all items are asked.

    Args:
        run: The run, with its base and data.
        tuned: Folder with the tuned weights.
        file: The report after the first look; replaced after each further one.
        progress: Called with what is being done.
        save: Replaces the report; by default without waiting where the disk is full.

    Raises:
        FtwbError: The base or the data can no longer be read.
    """
    report = read_report_file(file)
    while names := _suites_to_ask(report):
        report = _next_look(run, tuned, report, names, progress)
        (save or (lambda written: written.save(file)))(report)


def _suites_to_ask(report: Report) -> frozenset[str]:
    if report.look >= report.looks:
        return frozenset()
    return undecided(analyse(report))


def _next_look(
    run: RunFolder,
    tuned: Path,
    report: Report,
    names: frozenset[str],
    progress: ProgressCallback,
) -> Report:
    look = report.look + 1

    def show(what: str, done: int, total: int) -> None:
        progress(f"look {look} of {report.looks}: {what}", done, total)

    # 1. The untouched base again: what was trained may have changed it in memory.
    recipe = run.recipe()
    split = load_split(recipe.data, recipe.training.seed)
    loaded = open_base(recipe, split, read_dtypes(run), show, read_template(run))
    fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
    verify_base(run, fingerprint, Numerics.of(loaded.base))
    # 2. The same items to the base, where no earlier run asked it, and to the tuned model.
    suites = named_suites(recipe.evaluation.suites)
    new = [items_at_look(suite, look) for suite in suites if suite.name in names]
    asker = _Asker(loaded, show)
    before = [
        result for suite in new for result in _base_results(asker, suite, fingerprint, progress)
    ]
    model = recipe.strategy.load(loaded.base, tuned)
    after = [result for suite in new for result in asker.ask(model, suite, "result")]
    # 3. Both beside what was asked before.
    return _extended(report, loaded, suites, before, after, asker.notes)


class _Asker:
    """Asks one suite after the other, so that base and tuned model see the same batches."""

    def __init__(self, loaded: LoadedBase, show: ProgressCallback) -> None:
        self.notes: list[str] = []
        self.loaded = loaded
        self._show = show
        self._batch = AutoBatchSize("answers to prompts", GENERATION_BATCH, self.notes.append)

    def ask(self, model: Module, suite: Suite, who: str) -> list[ItemResult]:
        with self.loaded.autocast():
            return self._batch.run(
                lambda rows: suite_results(
                    self.loaded,
                    model,
                    [suite],
                    rows,
                    lambda done, total: self._show(f"{suite.title}, {who}", done, total),
                )
            )


def _base_results(
    asker: _Asker, suite: Suite, fingerprint: Tensor, progress: ProgressCallback
) -> Sequence[ItemResult]:
    settings = {**model_settings(asker.loaded), "suite": suite_settings(suite)}
    return cached_items(
        baseline_key(fingerprint, settings),
        lambda: asker.ask(asker.loaded.base, suite, "base"),
        progress,
    )


def _extended(
    report: Report,
    loaded: LoadedBase,
    suites: Sequence[Suite],
    before: Sequence[ItemResult],
    after: Sequence[ItemResult],
    notes: Sequence[str],
) -> Report:
    """The report with further items; those of a suite stay together, in the order of the looks."""
    order = [suite.name for suite in suites]

    def joined(old: Sequence[ItemResult], new: Sequence[ItemResult]) -> tuple[ItemResult, ...]:
        return tuple(sorted((*old, *new), key=lambda item: order.index(item.suite)))

    items = joined(report.before.items, before)
    asked = [
        only_items(suite, (item.id for item in items if item.suite == suite.name))
        for suite in suites
    ]
    return report.model_copy(
        update={
            "before": report.before.model_copy(update={"items": items}),
            "after": report.after.model_copy(update={"items": joined(report.after.items, after)}),
            "suites": tuple(suite.facts("full") for suite in asked),
            "contaminated": contaminated_items(asked, "full", training_texts(loaded)),
            "look": report.look + 1,
            "notes": tuple(dict.fromkeys((*report.notes, *notes))),
        }
    )
