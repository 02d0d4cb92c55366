"""One run, live: is it learning, is it forgetting, will it fit, when is it done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Horizontal
from textual.widgets import Footer

from workbench.runs.checkpoints import resumable_from
from workbench.runs.control import AWAITING_ANSWER, refusal
from workbench.runs.series import Series
from workbench.runs.view import CHUNK, RunFollower
from workbench.tui.commands import command
from workbench.tui.messages import OpenChat, OpenReport, RecipeRead, RunReportRead, RunViewUpdated
from workbench.tui.run_actions import (
    ask_worker,
    confirm_stop,
    go_on,
    log_tail,
    resume_in_background,
    show_log,
    show_recipe,
)
from workbench.tui.screens.base import PANE_KEYS, PanedScreen
from workbench.tui.widgets.common.chart import Chart, Curve
from workbench.tui.widgets.common.top_bar import TopBar
from workbench.tui.widgets.run.canaries import Canaries
from workbench.tui.widgets.run.event_log import EventLogPane
from workbench.tui.widgets.run.figures import Figures
from workbench.tui.widgets.run.forgetting import ForgettingPane
from workbench.tui.widgets.run.memory import MemoryPane
from workbench.tui.widgets.run.run_title import RunTitle

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

_TICK = 0.25
_SETTLED_TICK = 2.0
_CATCH_UP = 1.0
"""Seconds of reading between two drawings of a log that is not read to its end."""
_LAST_WORDS = 2000


class LiveScreen(PanedScreen):
    """Shows one frozen view at a time, read from the run folder and nowhere else."""

    CSS_PATH = "live.tcss"
    ABOUT = (
        "The run as its folder tells it: loss of every step with the spread of what one column "
        "covers, evaluations as diamonds, the KL to the base on general text as a lower bound, "
        "memory as measured. Canaries are prompts asked again and again: their first and newest "
        "answers tell what the curves cannot. Closing the screen changes nothing; the worker goes "
        "on."
    )
    PANES = ("memory", "forgetting")
    BINDINGS: ClassVar = [
        command("s", "stop", "Stop", "Ask the worker to stop and keep what was learned."),
        command("k", "checkpoint", "Checkpoint", "Write a checkpoint after this step."),
        command("e", "evaluate", "Evaluate", "Measure after this step what was learned and kept."),
        command("u", "resume", "Resume", "Let a run that ended early go on from a checkpoint."),
        command("g", "go_on", "Go on", "Let a run that has passed its budget go on."),
        command("c", "chat", "Chat", "Chat with this run beside its base model."),
        command("r", "report", "Report", "Read what this run learned and forgot."),
        command("l", "log", "Log", "Read the end of the worker's log.", footer=False),
        command("y", "recipe", "Recipe", "Read the recipe as YAML.", footer=False),
        *PANE_KEYS,
        command("escape", "back", "Back", "Go back to the list of runs."),
    ]

    def __init__(self, run: RunFolder) -> None:
        """Watch ``run`` from its first event."""
        super().__init__()
        self.run_folder = run
        self.view: RunView | None = None
        self._follower = RunFollower(run)
        self._polling = False
        self._due = 0.0
        self._reported = False
        self._forgetting = False
        self._seen: object = None
        self._known_stage: object = None
        self._last_words = ""
        self._resumes = 0
        self._about = ""

    def compose(self) -> ComposeResult:
        """Lay out title, charts, numbers and journal."""
        yield TopBar()
        yield RunTitle()
        with Horizontal(id="charts"):
            yield Chart("loss, nats per token", words=lambda value: f"{value:.3g}", id="loss")
            yield ForgettingPane()
            yield MemoryPane()
        yield Canaries()
        yield Figures()
        yield EventLogPane(classes="pane")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Look at once, then a few times a second."""
        self.query_one("#loss").focus()
        self.show_pane("memory")
        self._read_recipe()
        self.poll()
        self.set_interval(_TICK, self._tick)

    def _tick(self) -> None:
        if self.is_current and time.monotonic() >= self._due:
            self.poll()

    def poll(self) -> None:
        """Read what is new, unless a reading is under way."""
        if not self._polling:
            self._polling = True
            self._poll()

    @work(thread=True, group="poll", exit_on_error=False)
    def _poll(self) -> None:
        try:
            view = self._read()
            if view.status.state in ("failed", "lost"):
                self._last_words = log_tail(self.run_folder, _LAST_WORDS)
            self._resumes = resumable_from(self.run_folder, view.status)
        finally:
            self._polling = False
        self.post_message(RunViewUpdated(view))

    def _read(self) -> RunView:
        """Read what is new; of a long log as much as there is time for between two drawings."""
        until = time.monotonic() + _CATCH_UP
        view = self._follower.poll(CHUNK)
        while self.view and view.unread and time.monotonic() < until:
            view = self._follower.poll(CHUNK)
        return view

    @work(thread=True, exit_on_error=False)
    def _read_recipe(self) -> None:
        self.post_message(RecipeRead(self.run_folder.recipe()))

    @on(RecipeRead)
    def _take_recipe(self, message: RecipeRead) -> None:
        recipe = message.recipe
        self._about = f"{recipe.strategy.card.title} on {recipe.model.id}"
        self.query_one(ForgettingPane).know(recipe)

    @work(thread=True, exit_on_error=False)
    def _read_report(self) -> None:
        from workbench.evaluation.report import read_report

        self.post_message(RunReportRead(read_report(self.run_folder)))

    @on(RunReportRead)
    def _take_report(self, message: RunReportRead) -> None:
        self.query_one(EventLogPane).show_report(message.report)

    @on(RunViewUpdated)
    async def _show(self, message: RunViewUpdated) -> None:
        view = message.view
        self._due = time.monotonic() + (_TICK if view.status.live else _SETTLED_TICK)
        if view.unread:
            self.poll()
        if not self._reported and self.run_folder.report.is_file():
            self._reported = True
            self._read_report()
            self.refresh_bindings()
        seen = (view, self.size, self._about, self._last_words, self._resumes)
        if seen == self._seen:
            return
        self._seen = seen
        self.view = view
        if (stage := self._stage()) != self._known_stage:
            self._known_stage = stage
            self.refresh_bindings()
        with self.app.batch_update():
            self.query_one(RunTitle).show(view, self._about)
            self.query_one(Figures).show(view)
            self._show_loss(view)
            self._show_forgetting(view)
            await self.query_one(MemoryPane).show(view)
            self.query_one(EventLogPane).show(view, self._last_words, self._resumes)

    def _show_loss(self, view: RunView) -> None:
        curves = [
            Curve("train", view.series.get("train.loss", Series()), "first"),
            Curve("replay", view.series.get("train.loss_replay", Series()), "third"),
            Curve("eval", view.series.get("eval.loss", Series()), "second", marks=True),
        ]
        empty = (
            "waiting for the first step" if view.status.live else "it ended before the first step"
        )
        self.query_one("#loss", Chart).show(curves, empty=empty, until=view.status.step)

    def _show_forgetting(self, view: RunView) -> None:
        """Show it, and give it its turn on a small terminal once there is something to see."""
        if not self._forgetting and "retention.kl" in view.series:
            self._forgetting = True
            self.add_class("-measured")
            self.show_pane("forgetting")
        self.query_one(ForgettingPane).show_view(view)
        self.query_one(Canaries).show(view)

    def _stage(self) -> object:
        """What decides which keys do something."""
        if self.view is None:
            return None
        status = self.view.status
        return status.state, status.phase, refusal(status, "evaluate"), self._resumes

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey what does not apply to the run as it stands."""
        del parameters
        status = self.view.status if self.view else None
        asked = status is not None and not refusal(status, "evaluate")
        applies = {
            "stop": status is not None and (status.live or status.lost_while_queued),
            "checkpoint": asked,
            "evaluate": asked,
            "resume": bool(self._resumes),
            "go_on": status is not None and status.phase == AWAITING_ANSWER,
            "chat": self.run_folder.has_result(),
            "report": self._reported,
        }
        return True if applies.get(action, True) else None

    def action_stop(self) -> None:
        """Ask before stopping."""
        confirm_stop(self, self.run_folder)

    def action_checkpoint(self) -> None:
        """Ask for a checkpoint."""
        ask_worker(self, self.run_folder, "checkpoint")

    def action_evaluate(self) -> None:
        """Ask for an evaluation."""
        ask_worker(self, self.run_folder, "evaluate")

    def action_resume(self) -> None:
        """Let it go on."""
        resume_in_background(self, self.run_folder)

    def action_go_on(self) -> None:
        """Answer a run that waits over its budget."""
        go_on(self, self.run_folder)

    def action_chat(self) -> None:
        """Chat with this run."""
        self.post_message(OpenChat(self.run_folder))

    def action_log(self) -> None:
        """Read the log."""
        show_log(self, self.run_folder)

    def action_recipe(self) -> None:
        """Read the recipe."""
        show_recipe(self, self.run_folder)

    def action_report(self) -> None:
        """Read the report."""
        self.post_message(OpenReport(self.run_folder))

    def action_back(self) -> None:
        """Go back to the list."""
        self.app.pop_screen()
