"""Measuring the saved result; where that fails, the result and what is known of it stay."""

from __future__ import annotations

import gc
import traceback
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import torch

from workbench.evaluation.run.further_looks import look_further
from workbench.training.reporting.disk_full import StopRequested
from workbench.training.reporting.error_summary import error_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.evaluation.report import Report
    from workbench.evaluation.run.baseline_cache import Baseline
    from workbench.evaluation.run.evaluator import Evaluator
    from workbench.runs.folder import RunFolder
    from workbench.training.reporting.reporter import Reporter


class ResultMeasurement:
    """Writes the report on a run's result, and rewrites it after each further look."""

    def __init__(self, run: RunFolder, reporter: Reporter, progress: ProgressCallback) -> None:
        """Measure the result of ``run``; ``progress`` is called with what is being done."""
        self._run = run
        self._reporter = reporter
        self._progress = progress

    def measure(self, model: Module, baseline: Baseline, evaluator: Evaluator) -> None:
        """What the tuned model can do, beside what the base could."""
        with self._keeping_the_result():
            after = evaluator.measure(model, baseline, self._progress)
            self._save(evaluator.build_report(baseline, after))

    def look_further(self) -> None:
        """Ask more where the first look decided too little.

        The base is loaded afresh: the trained model must be out of memory by now.
        """
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        run = self._run
        if run.files.is_file(run.report):  # else the first look failed
            with self._keeping_the_result():
                look_further(run, run.model, run.report, self._progress, self._save)

    def _save(self, report: Report) -> None:
        self._reporter.retry_when_disk_full(partial(report.save, self._run.report))

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
