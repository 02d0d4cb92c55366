"""The one error handler of the workbench: no failure of a worker goes unseen."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from textual.dom import DOMNode
from textual.worker import Worker, WorkerState

from workbench.core import locations, log
from workbench.core.errors import FtwbError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.worker import WorkType

_LOGGED = "Details are in {log}."
_UNEXPECTED = (
    "This is unexpected. The traceback is in {log}; 'ftwb doctor --bundle FILE.zip' packs it for a "
    "bug report."
)


@dataclass(frozen=True)
class Failure:
    """What the user is shown of an error.

    Attributes:
        title: Which activity failed.
        message: What happened: an :class:`FtwbError` in its own words, others with their type.
        advice: What to do next.
    """

    title: str
    message: str
    advice: str

    @classmethod
    def of(cls, error: BaseException, activity: str) -> Failure:
        """Describe ``error``, raised during ``activity`` ("reading the list of runs")."""
        title = f"{activity[:1].upper()}{activity[1:]} failed"
        path = locations.shorten(locations.log_file())
        if isinstance(error, FtwbError):
            return cls(title, str(error), _LOGGED.format(log=path))
        message = "".join(traceback.format_exception_only(error)).strip()
        return cls(title, message, _UNEXPECTED.format(log=path))


class ReportsErrors(DOMNode):
    """Mixin of everything that starts workers: the app, its screens and its dialogs.

    It comes last among the bases, because Textual reads the CSS of the first.

    Attributes:
        RECURRING: Groups of workers that run again by themselves. A failure of theirs is shown
            once, and again only when it has changed or after a success.
    """

    RECURRING: ClassVar[frozenset[str]] = frozenset()
    _recurring_failures: Mapping[str, Failure] = MappingProxyType({})

    def run_worker(
        self,
        work: WorkType[Any],
        name: str | None = "",
        group: str = "default",
        description: str = "",
        exit_on_error: bool = False,
        start: bool = True,
        exclusive: bool = False,
        thread: bool = False,
    ) -> Worker[Any]:
        """Start a worker whose failure is reported here and never ends the app."""
        del exit_on_error
        return super().run_worker(work, name, group, description, False, start, exclusive, thread)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report the error of a worker that failed; a success ends a recurring failure."""
        worker = event.worker
        activity = worker.name.strip("_").replace("_", " ")
        if event.state is WorkerState.SUCCESS:
            self._remember_failure(activity, None)
        elif event.state is WorkerState.ERROR and worker.error:
            self.report_error(worker.error, activity, recurring=worker.group in self.RECURRING)

    def report_error(self, error: BaseException, activity: str, *, recurring: bool = False) -> None:
        """Log the traceback of ``error`` and show a dialog.

        Args:
            error: What was raised.
            activity: What failed, as in "reading the list of runs".
            recurring: Whether the same failure, seen before, needs no second dialog.
        """
        failure = Failure.of(error, activity)
        if recurring and self._recurring_failures.get(activity) == failure:
            return
        self._remember_failure(activity, failure if recurring else None)
        log.write_error(error, activity)
        self._show_failure(failure)

    def _remember_failure(self, activity: str, failure: Failure | None) -> None:
        others = {name: old for name, old in self._recurring_failures.items() if name != activity}
        self._recurring_failures = others | ({activity: failure} if failure else {})

    def _show_failure(self, failure: Failure) -> None:
        from workbench.tui.screens.error import ErrorScreen

        top = self.app.screen
        if not (isinstance(top, ErrorScreen) and top.failure == failure):
            self.app.push_screen(ErrorScreen(failure))
