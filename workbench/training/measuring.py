"""Checking the saved result, and measuring it; where that fails, the result stays."""

from __future__ import annotations

import shutil
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from workbench.core import files
from workbench.core.errors import FtwbError, RunFailedError
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.fingerprint import Numerics, take_fingerprint, verify_base
from workbench.evaluation.run.further_looks import look_further
from workbench.models.loaded_base import free_memory
from workbench.models.result_folder import note_verdict
from workbench.runs import checkpoints
from workbench.training.reporting.disk_full import StopRequested
from workbench.training.reporting.error_summary import error_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.evaluation.report import Report
    from workbench.evaluation.run.baseline_cache import Baseline
    from workbench.evaluation.run.evaluator import Evaluator
    from workbench.models.dtype import RunDtypes
    from workbench.models.loaded_base import LoadedBase
    from workbench.runs.folder import RunFolder
    from workbench.training.reporting.reporter import Reporter
    from workbench.training.result_check import ResultRecord


@dataclass(frozen=True)
class SavedResult:
    """What is needed to read a result back and to measure it, once it was saved.

    Attributes:
        record: What is remembered of the trained model.
        loaded: The base, which training may have changed, with tokenizer and data.
        dtypes: The run's number formats.
        evaluator: Measures base and result in the same way.
        baseline: What it measured of the base.
    """

    record: ResultRecord
    loaded: LoadedBase
    dtypes: RunDtypes
    evaluator: Evaluator
    baseline: Baseline


class ResultMeasurement:
    """Checks a run's result, writes the report on it, and rewrites that after each further look."""

    def __init__(self, run: RunFolder, reporter: Reporter, progress: ProgressCallback) -> None:
        """Measure the result of ``run``; ``progress`` is called with what is being done."""
        self._run = run
        self._reporter = reporter
        self._progress = progress

    def measure(self, saved: SavedResult) -> None:
        """What the saved result can do, beside what the base could.

        Raises:
            RunFailedError: What was saved is not the model that was trained, or the base cannot be
                loaded again to check that.
        """
        model = self._read_back(saved)
        with self._keeping_the_result():
            after = saved.evaluator.measure(model, saved.baseline, self._progress)
            self._save(saved.evaluator.build_report(saved.baseline, after))

    def _read_back(self, saved: SavedResult) -> Module:
        """The model in the run's folder, which is measured only if it is the trained one."""
        run, loaded, recipe = self._run, saved.loaded, saved.loaded.recipe
        # 1. The untouched base: the trained model must be out of memory by now.
        try:
            loaded.reopen(saved.dtypes, self._progress)
            fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
            verify_base(run, fingerprint, Numerics.of(loaded.base))
        except FtwbError as error:
            raise RunFailedError(
                f"the result is saved but could not be checked: {error}; 'ftwb evaluate {run.id}' "
                "checks and measures it"
            ) from error
        # 2. The result on it.
        self._progress("reading the result back", 0, 0)
        try:
            return saved.record.read_back(recipe.strategy, loaded.base, run.model, loaded.tokenizer)
        except RunFailedError as error:
            raise RunFailedError(self._rejected(str(error))) from error

    def _rejected(self, reason: str) -> str:
        """Put the result aside; what happened, and what to do."""
        run = self._run
        if run.model.is_dir():
            shutil.rmtree(run.rejected, ignore_errors=True)
            files.replace_folder(run.model, run.rejected)
        steps = checkpoints.steps(run)
        advice = (
            f"'ftwb resume {run.id}' continues from the checkpoint of step {steps[0]}"
            if steps
            else f"no checkpoint was written; 'ftwb train {run.recipe_file}' starts over"
        )
        return (
            f"the saved result is not the model that was trained: {reason}; it was moved to "
            f"{run.rejected.name}/; check the disk; {advice}"
        )

    def look_further(self) -> None:
        """Ask more where the first look decided too little.

        The base is loaded afresh: the trained model must be out of memory by now.
        """
        free_memory()
        run = self._run
        if run.files.is_file(run.report):  # else the first look failed
            with self._keeping_the_result():
                look_further(run, run.model, run.report, self._progress, self._save)

    def _save(self, report: Report) -> None:
        self._reporter.retry_when_disk_full(partial(report.save, self._run.report))
        verdict = analyse(report).verdict or ""
        self._reporter.retry_when_disk_full(partial(note_verdict, self._run.model, verdict))

    @contextmanager
    def _keeping_the_result(self) -> Iterator[None]:
        try:
            yield
        except StopRequested:
            raise
        except Exception as error:  # noqa: BLE001 - hours of training are worth more than a report
            traceback.print_exc()
            self._reporter.notice(
                f"the result is saved but could not be measured: {error_summary(error)}; "
                f"'ftwb evaluate {self._run.id}' tries again",
                level="warning",
            )
