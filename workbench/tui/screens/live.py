"""One run, live: is it learning, is it forgetting, does it fit, when is it done."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Horizontal
from textual.reactive import var
from textual.widgets import Footer

from workbench.runs.run_index import RunSnapshot
from workbench.runs.view import CHUNK, RunFollower
from workbench.tui.commands import command
from workbench.tui.messages import RecipeRead, RunReportRead, RunViewUpdated
from workbench.tui.screens.base import PANE_KEYS, PanedScreen
from workbench.tui.screens.run_screen import RunScreen
from workbench.tui.widgets.common.band import BandLine
from workbench.tui.widgets.common.top_bar import TopBar
from workbench.tui.widgets.run.canaries import Canaries
from workbench.tui.widgets.run.event_log import EventLogPane
from workbench.tui.widgets.run.figures import Figures
from workbench.tui.widgets.run.forgetting import ForgettingPane
from workbench.tui.widgets.run.live_view import LiveView
from workbench.tui.widgets.run.loss import LossPane
from workbench.tui.widgets.run.memory import MemoryPane
from workbench.tui.widgets.run.run_title import RunTitle

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.worker import Worker

    from workbench.runs.folder import RunFolder

_TICK = 0.25
_ENDED_TICK = 2.0
_CATCH_UP = 1.0
"""Seconds of reading between two updates of the screen while a long log is read."""
_LOG_TAIL_BYTES = 2000


class LiveScreen(RunScreen, PanedScreen):
    """Shows one frozen view at a time, read from the run folder and nowhere else."""

    CSS_PATH = "live.tcss"
    ABOUT = (
        "The run as its folder describes it: the loss of every step with the range that one column "
        "covers, evaluations as diamonds, the KL to the base on general text, and "
        "measured memory. Canaries are prompts that are asked repeatedly: comparing the first "
        "answer with the newest shows what the curves cannot. Closing this screen does not affect "
        "the run."
    )
    PANES = ("memory", "forgetting")
    OMITTED_ACTIONS = frozenset({"live"})
    RECURRING = frozenset({"poll"})
    BINDINGS: ClassVar = [
        *PANE_KEYS,
        command("escape", "back", "Back", "Go back to the list of runs."),
    ]

    view: var[LiveView] = var(LiveView())
    """What is shown now; the widgets bind to it."""

    def __init__(self, run: RunFolder) -> None:
        """Follow ``run`` from its first event."""
        super().__init__()
        self.run_folder = run
        self._follower = RunFollower(run)
        self._reading: Worker[None] | None = None
        self._next_poll = 0.0
        self._report_requested = False

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield RunTitle().data_bind(LiveScreen.view)
        yield BandLine(self.run_folder, key="n")
        with Horizontal(id="charts"):
            yield LossPane().data_bind(LiveScreen.view)
            yield ForgettingPane().data_bind(LiveScreen.view)
            yield MemoryPane().data_bind(LiveScreen.view)
        yield Canaries().data_bind(LiveScreen.view)
        yield Figures().data_bind(LiveScreen.view)
        yield EventLogPane().data_bind(LiveScreen.view)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        self.query_one(LossPane).focus()
        self.show_pane("memory")
        self._read_recipe()
        self.poll()
        self.set_interval(_TICK, self._tick)

    def _tick(self) -> None:
        shown = self in self.app.screen_stack  # also below a dialog
        if shown and time.monotonic() >= self._next_poll:
            self.poll()

    def poll(self) -> None:
        """Read what is new, unless a reading is under way."""
        if self._reading is None or self._reading.is_finished:
            self._reading = self._read(first=self.view.run is None)

    @work(thread=True, group="poll", name="reading the run")
    def _read(self, *, first: bool) -> None:
        """Read what is new; of a long log, no more than there is time for between two updates."""
        deadline = time.monotonic() + _CATCH_UP
        run = self._follower.poll(CHUNK)
        while not first and run.unread and time.monotonic() < deadline:
            run = self._follower.poll(CHUNK)
        snapshot = RunSnapshot.of(self.run_folder, run.status)
        failed = run.status.state in ("failed", "lost")
        folder = self.run_folder
        log_tail = folder.files.tail(folder.log, _LOG_TAIL_BYTES) if failed else ""
        self.post_message(RunViewUpdated(run, snapshot, log_tail))

    @on(RunViewUpdated)
    def _show_run(self, message: RunViewUpdated) -> None:
        run, snapshot = message.view, message.snapshot
        self._reading = None
        self._next_poll = time.monotonic() + (_TICK if run.status.live else _ENDED_TICK)
        if run.unread:
            self.poll()
        if snapshot.has_report and not self._report_requested:
            self._report_requested = True
            self._read_report()
        self.selected_run = snapshot
        self._show(
            replace(
                self.view,
                run=run,
                resumable_step=snapshot.resumable_step,
                log_tail=message.log_tail,
            )
        )

    def _show(self, view: LiveView) -> None:
        with self.app.batch_update():
            self.view = view

    def watch_view(self, view: LiveView) -> None:
        """On a small terminal, show the forgetting pane once there is something to see in it."""
        if view.run is None:
            return
        self.set_class(bool(view.run.canaries), "-canaries")
        if "retention.kl" in view.run.series and not self.has_class("-measured"):
            self.add_class("-measured")
            self.show_pane("forgetting")

    @work(thread=True, name="reading the recipe")
    def _read_recipe(self) -> None:
        self.post_message(RecipeRead(self.run_folder.recipe()))

    @on(RecipeRead)
    def _show_recipe(self, message: RecipeRead) -> None:
        self._show(replace(self.view, recipe=message.recipe))

    @work(thread=True, name="reading the report")
    def _read_report(self) -> None:
        from workbench.evaluation.report import read_report

        self.post_message(RunReportRead(read_report(self.run_folder)))

    @on(RunReportRead)
    def _show_report(self, message: RunReportRead) -> None:
        self._show(replace(self.view, report=message.report))

    def action_back(self) -> None:
        """Go back to the list."""
        self.app.pop_screen()
