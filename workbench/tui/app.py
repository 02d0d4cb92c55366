"""The workbench application: glue between its screens, the themes and the list of runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.reactive import reactive

from workbench.core import log
from workbench.core.errors import FtwbError
from workbench.tui.clipboard import CopyingApp
from workbench.tui.commands import Commands, command
from workbench.tui.messages import (
    ActionResult,
    BandsRead,
    EndRequested,
    MachineSummaryRead,
    OpenChat,
    OpenForm,
    OpenReport,
    OpenRun,
    QueuedAgain,
    RunsListed,
)
from workbench.tui.modes import WORKBENCH_MODES
from workbench.tui.settings import DEFAULT_THEME, Settings
from workbench.tui.theming import read_themes, theme_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from textual.binding import Binding
    from textual.notifications import SeverityLevel
    from textual.screen import Screen
    from textual.worker import Worker

    from workbench.runs.folder import RunFolder
    from workbench.runs.run_index import RunIndex, RunRow
    from workbench.tui.demo_tour import DemoTour
    from workbench.tui.run_bands import BandReading

_LIST_SECONDS = 1.0
_MACHINE_SECONDS = 5.0
_WIDTHS = [(0, "-narrow"), (110, "-wide")]
_HEIGHTS = [(0, "-low"), (32, "-tall")]


class WorkbenchApp(CopyingApp):
    """Five modes (new run, runs, chat, report, compare) and what their screens share."""

    TITLE = "ftwb"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {Commands}
    COMMAND_PALETTE_DISPLAY = "^p"
    MODES: ClassVar = {mode.name: mode.screen for mode in WORKBENCH_MODES}
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    RECURRING = frozenset({"rows", "bands", "machine"})
    BINDINGS: ClassVar = [
        command("f1,question_mark", "help", "Help", "What this screen is for, and all keys."),
        *(
            command(mode.keys, f"go('{mode.name}')", mode.title, mode.help, footer=False)
            for mode in WORKBENCH_MODES
        ),
        command("f10", "change_theme", "Theme", "Choose the colours.", footer=False),
        command("ctrl+q", "quit", "Quit", "Quit; runs continue in the background.", footer=False),
    ]

    rows: reactive[tuple[RunRow, ...]] = reactive(())
    """All runs as last read, newest first."""
    listed: reactive[bool] = reactive(False)
    """Whether the runs have been read, so that no screen calls the list empty before."""
    bands: reactive[dict[str, BandReading]] = reactive(dict)
    """What is shown first of the runs that have a report, by run id; replaced when one is read."""
    machine: reactive[str] = reactive("")
    """One line about this machine."""

    def __init__(
        self,
        runs_root: Path,
        *,
        mode: str = "new",
        chat: RunFolder | None = None,
        run: RunFolder | None = None,
        tour: DemoTour | None = None,
    ) -> None:
        """Show the runs below ``runs_root``.

        Args:
            runs_root: The folder of all runs.
            mode: Where to start; only its screen is mounted, since the form of "new" is large.
            chat: Start with the chat with this run instead.
            run: Start with the live view of this run instead.
            tour: The demo that is running; the chat opens at its end.
        """
        super().__init__()
        self.runs_root = runs_root
        self._first_mode = mode
        self._first_chat = chat
        self._first_run = run
        self._tour = tour
        self._index: RunIndex | None = None
        self._listing: Worker[None] | None = None
        self._judging: Worker[None] | None = None
        self._start_warnings: list[str] = []
        self._settings = self._read_settings()
        self._start_with_theme(self._settings.theme)

    def _read_settings(self) -> Settings:
        try:
            return Settings.read()
        except FtwbError as error:
            self._start_warnings.append(str(error))
            return Settings()

    def _start_with_theme(self, theme: str) -> None:
        """Read one theme before the first paint; a broken one falls back to the default."""
        if theme not in self.available_themes:
            self._add_themes([theme])
        if theme not in self.available_themes:
            self._add_themes([DEFAULT_THEME])
            theme = DEFAULT_THEME
        self.set_reactive(CopyingApp.theme, theme)

    def _add_themes(self, names: Iterable[str]) -> None:
        themes, warnings = read_themes(names)
        self._start_warnings += warnings
        for theme in themes:
            self.register_theme(theme)

    def on_mount(self) -> None:
        if self._first_run:
            self.open_run(self._first_run)
        elif self._first_chat:
            self.open_chat(self._first_chat)
        else:
            self.switch_mode(self._first_mode)
        self.theme_changed_signal.subscribe(self, lambda theme: self._save_theme(theme.name))
        self.call_after_refresh(self._after_first_paint)

    def _after_first_paint(self) -> None:
        self._add_themes(name for name in theme_files() if name not in self.available_themes)
        for warning in self._start_warnings:
            self.notify(warning, severity="warning", markup=False)
        self.queue_lost_runs()
        self.refresh_rows()
        self.refresh_machine()
        self.set_interval(_LIST_SECONDS, self.refresh_rows)
        self.set_interval(_MACHINE_SECONDS, self.refresh_machine)

    def _save_theme(self, theme: str) -> None:
        if theme == self._settings.theme:
            return
        self._settings = replace(self._settings, theme=theme)
        try:
            self._settings.save()
        except FtwbError as error:
            self.notify(str(error), severity="warning", markup=False)

    # The list of runs and the machine, read again and again

    def refresh_rows(self) -> None:
        """Read the list of runs, unless a slow disk still keeps the last reading busy."""
        if self._listing is None or self._listing.is_finished:
            self._listing = self._read_rows(self._index)

    @work(thread=True, group="rows", name="reading the list of runs")
    def _read_rows(self, index: RunIndex | None) -> None:
        from workbench.runs.run_index import RunIndex

        index = index or RunIndex(self.runs_root)
        self.post_message(RunsListed(index.read(), index))

    @on(RunsListed)
    def _show_rows(self, message: RunsListed) -> None:
        self._index = message.index
        self.rows, self.listed = message.rows, True
        self._refresh_bands()
        if self._tour and self._tour.is_finished(self.rows):
            self._end_tour(self._tour)

    def _refresh_bands(self) -> None:
        """Judge the reports that are new or have changed, unless others are still being read."""
        reported = [row.run for row in self.rows if row.snapshot.has_report]
        if reported and (self._judging is None or self._judging.is_finished):
            self._judging = self._read_bands(reported, self.bands)

    @work(thread=True, group="bands", name="judging the reports")
    def _read_bands(self, runs: list[RunFolder], known: dict[str, BandReading]) -> None:
        from workbench.tui.run_bands import read_bands

        for readings in read_bands(runs, known):
            self.post_message(BandsRead(readings))

    @on(BandsRead)
    def _show_bands(self, message: BandsRead) -> None:
        self.bands = {**self.bands, **message.readings}

    def _end_tour(self, tour: DemoTour) -> None:
        from workbench.runs.folder import Runs

        self._tour = None
        self.notify("Demo finished. Ask both models a question.")
        self.open_chat(Runs(self.runs_root).find(tour.first), tour.question)

    @work(thread=True, exclusive=True, group="machine", name="reading the state of the machine")
    def refresh_machine(self) -> None:
        """Read what the top bar says about this machine."""
        from workbench.hardware.summary import machine_summary

        self.post_message(MachineSummaryRead(machine_summary()))

    @on(MachineSummaryRead)
    def _show_machine(self, message: MachineSummaryRead) -> None:
        self.machine = message.summary

    @work(thread=True, name="queueing lost runs again")
    def queue_lost_runs(self) -> None:
        """Queue the runs again whose workers died while they were queued."""
        from workbench.runs.folder import Runs
        from workbench.runs.launch import relaunch

        if runs := relaunch(Runs(self.runs_root)):
            self.post_message(QueuedAgain(runs))

    @on(QueuedAgain)
    def _notify_queued(self, message: QueuedAgain) -> None:
        names = ", ".join(run.id for run in message.runs)
        self.notify(f"Queued again after their workers were lost: {names}.", markup=False)

    @on(ActionResult)
    def _notify_result(self, message: ActionResult) -> None:
        severity: SeverityLevel = "information" if message.succeeded else "warning"
        self.notify(message.text, severity=severity, markup=False)
        self.refresh_rows()

    # Opening a run

    @on(OpenRun)
    def _open_run(self, message: OpenRun) -> None:
        self.open_run(message.run)

    @on(OpenChat)
    def _open_chat(self, message: OpenChat) -> None:
        self.open_chat(message.run, message.question)

    @on(OpenReport)
    def _open_report(self, message: OpenReport) -> None:
        self.open_report(message.run)

    @on(OpenForm)
    def _open_form(self, message: OpenForm) -> None:
        self.open_form(message.run, message.changes)

    @work(name="filling the form")
    async def open_form(self, run: RunFolder, changes: tuple[str, ...]) -> None:
        """Fill the form with the recipe of ``run``, with ``field=value`` changes."""
        from workbench.tui.screens.new_run import NewRunScreen

        recipe = await asyncio.to_thread(run.recipe)
        await self.switch_mode("new")
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        if isinstance(self.screen, NewRunScreen):
            self.screen.start_from(run, recipe, changes)

    @work(name="opening the live view")
    async def open_run(self, run: RunFolder) -> None:
        """Show the live view of ``run`` above the list of runs."""
        from workbench.tui.screens.live import LiveScreen

        await self._show_in_mode("runs", LiveScreen(run))

    @work(name="opening the chat")
    async def open_chat(self, run: RunFolder, question: str = "") -> None:
        """Show the chat with ``run``, with ``question`` in its prompt."""
        from workbench.tui.screens.chat import ChatScreen

        await self._show_in_mode("chat", ChatScreen(run, question=question))

    @work(name="opening the report")
    async def open_report(self, run: RunFolder) -> None:
        """Show the report of ``run``."""
        from workbench.tui.screens.report import ReportScreen

        await self._show_in_mode("report", ReportScreen(run))

    async def _show_in_mode(self, mode: str, screen: Screen[Any]) -> None:
        """Put ``screen`` directly above the first screen of ``mode``."""
        await self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.push_screen(screen)

    @on(EndRequested)
    def _end(self) -> None:
        self.exit()

    # Keys

    def get_key_display(self, binding: Binding) -> str:
        """Write function keys as they are printed on the keyboard."""
        key = super().get_key_display(binding)
        return key.upper() if binding.key[:1] == "f" and binding.key[1:].isdigit() else key

    def action_go(self, mode: str) -> None:
        """Switch to one of the five modes."""
        self.switch_mode(mode)

    def action_help(self) -> None:
        """Explain the current screen and list its keys."""
        from workbench.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    # Errors outside of workers

    def _handle_exception(self, error: Exception) -> None:
        """Log an exception of a message handler, for which Textual ends the app."""
        log.write_error(error, "handling a message")
        super()._handle_exception(error)
