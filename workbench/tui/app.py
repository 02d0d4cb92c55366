"""The workbench application: glue between screens, themes and the state of the machine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.reactive import reactive

from workbench.core.errors import FtwbError
from workbench.tui.clipboard import CopyingApp
from workbench.tui.commands import Commands, command
from workbench.tui.messages import (
    ActionResult,
    MachineSummaryRead,
    OpenChat,
    OpenReport,
    OpenRun,
    QueuedAgain,
    RunsListed,
)
from workbench.tui.settings import DEFAULT_THEME, Settings
from workbench.tui.theming import read_themes, theme_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from textual.binding import Binding
    from textual.notifications import SeverityLevel
    from textual.screen import Screen

    from workbench.runs.folder import RunFolder
    from workbench.tui.run_index import RunIndex, RunRow
    from workbench.tui.story import Story

_LISTING_SECONDS = 1.0
_BOX_SECONDS = 5.0
_WIDTHS = [(0, "-narrow"), (110, "-wide")]
_HEIGHTS = [(0, "-low"), (32, "-tall")]


def _new_run() -> Screen[Any]:
    from workbench.tui.screens.new_run import NewRunScreen

    return NewRunScreen()


def _runs() -> Screen[Any]:
    from workbench.tui.screens.runs import RunsScreen

    return RunsScreen()


def _chat() -> Screen[Any]:
    from workbench.tui.screens.pick_run import PickRunScreen

    return PickRunScreen()


def _report() -> Screen[Any]:
    from workbench.tui.screens.pick_run import PickReportScreen

    return PickReportScreen()


def _compare() -> Screen[Any]:
    from workbench.tui.screens.compare import CompareScreen

    return CompareScreen()


class WorkbenchApp(CopyingApp):
    """Five places (new run, runs, chat, report, compare) and what they share."""

    TITLE = "ftwb"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {Commands}
    COMMAND_PALETTE_DISPLAY = "^p"
    DEFAULT_MODE = "new"
    MODES: ClassVar = {
        "new": _new_run,
        "runs": _runs,
        "chat": _chat,
        "report": _report,
        "compare": _compare,
    }
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    BINDINGS: ClassVar = [
        command("f1,question_mark", "help", "Help", "What this screen is, and every key."),
        command("1,f2", "go('new')", "New run", "Fill in a recipe and launch it.", footer=False),
        command("2,f3", "go('runs')", "Runs", "Every run, live and past.", footer=False),
        command("3,f4", "go('chat')", "Chat", "Ask base and tuned model at once.", footer=False),
        command("4,f9", "go('report')", "Report", "What a run learned and forgot.", footer=False),
        command("5,f12", "go('compare')", "Compare", "Runs against each other.", footer=False),
        command("f10", "change_theme", "Theme", "Choose the colours.", footer=False),
        command("ctrl+q", "quit", "Quit", "Leave; runs go on without the screen.", footer=False),
    ]

    rows: reactive[tuple[RunRow, ...]] = reactive(())
    """Every run as last read, newest first."""
    listed: reactive[bool] = reactive(False)
    """Whether the runs were read at all, so that no screen says that there is none before."""
    box: reactive[str] = reactive("")
    """One line on what this machine is."""

    def __init__(
        self,
        runs_root: Path,
        *,
        chat: RunFolder | None = None,
        run: RunFolder | None = None,
        story: Story | None = None,
    ) -> None:
        """Prepare to show the runs below ``runs_root``, at first the given chat or run."""
        super().__init__()
        self.runs_root = runs_root
        self._first_chat = chat
        self._first_run = run
        self._story = story
        self._list: RunIndex | None = None
        self._complaints: list[str] = []
        self._settings = self._read_settings()
        self._begin_with(self._settings.theme)

    def _read_settings(self) -> Settings:
        try:
            return Settings.read()
        except FtwbError as error:
            self._complaints.append(str(error))
            return Settings()

    def _begin_with(self, theme: str) -> None:
        """Read one theme before the first paint; a bad one gives the default and a toast."""
        if theme not in self.available_themes:
            self._add_themes([theme])
        if theme not in self.available_themes:
            self._add_themes([DEFAULT_THEME])
            theme = DEFAULT_THEME
        self.set_reactive(CopyingApp.theme, theme)

    def _add_themes(self, names: Iterable[str]) -> None:
        themes, complaints = read_themes(names)
        self._complaints += complaints
        for theme in themes:
            self.register_theme(theme)

    def on_mount(self) -> None:
        """Show the first screen, then start what may wait until it is painted."""
        if self._first_run:
            self.open_run(self._first_run)
        elif self._first_chat:
            self.open_chat(self._first_chat)
        self.theme_changed_signal.subscribe(self, lambda theme: self._remember(theme.name))
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        self._add_themes(name for name in theme_files() if name not in self.available_themes)
        for complaint in self._complaints:
            self.notify(complaint, severity="warning", markup=False)
        self.queue_again()
        self.refresh_rows()
        self.refresh_box()
        self.set_interval(_LISTING_SECONDS, self.refresh_rows)
        self.set_interval(_BOX_SECONDS, self.refresh_box)

    def _remember(self, theme: str) -> None:
        if theme == self._settings.theme:
            return
        self._settings = replace(self._settings, theme=theme)
        try:
            self._settings.save()
        except FtwbError as error:
            self.notify(str(error), severity="warning", markup=False)

    @work(thread=True, exclusive=True, group="rows", exit_on_error=False)
    def refresh_rows(self) -> None:
        """Read the list of runs."""
        from workbench.tui.run_index import RunIndex

        if self._list is None:
            self._list = RunIndex(self.runs_root)
        self.post_message(RunsListed(self._list.read()))

    @work(thread=True, exclusive=True, group="box", exit_on_error=False)
    def refresh_box(self) -> None:
        """Read the state of the machine."""
        from workbench.hardware.summary import machine_summary

        self.post_message(MachineSummaryRead(machine_summary()))

    @work(thread=True, exit_on_error=False)
    def queue_again(self) -> None:
        """Let the runs wait again that a reboot threw out of the queue."""
        from workbench.runs.folder import Runs
        from workbench.runs.launch import relaunch

        if again := relaunch(Runs(self.runs_root)):
            self.post_message(QueuedAgain(again))

    @on(QueuedAgain)
    def _tell_queued(self, message: QueuedAgain) -> None:
        names = ", ".join(run.id for run in message.runs)
        self.notify(f"Queued again after their workers were lost: {names}.", markup=False)

    @on(ActionResult)
    def _tell(self, message: ActionResult) -> None:
        severity: SeverityLevel = "information" if message.good else "warning"
        self.notify(message.text, severity=severity, markup=False)
        self.refresh_rows()

    @on(RunsListed)
    def _take_rows(self, message: RunsListed) -> None:
        self.rows, self.listed = message.rows, True
        if self._story and self._story.is_over(self.rows):
            from workbench.runs.folder import Runs

            story, self._story = self._story, None
            self.notify("The demo is told: ask both models, base and tuned.")
            self.open_chat(Runs(self.runs_root).find(story.first), story.question)

    @on(MachineSummaryRead)
    def _take_box(self, message: MachineSummaryRead) -> None:
        self.box = message.summary

    @on(OpenRun)
    def _open_run(self, message: OpenRun) -> None:
        self.open_run(message.run)

    @on(OpenChat)
    def _open_chat(self, message: OpenChat) -> None:
        self.open_chat(message.run, message.question)

    @on(OpenReport)
    def _open_report(self, message: OpenReport) -> None:
        self.open_report(message.run)

    @work
    async def open_run(self, run: RunFolder) -> None:
        """Show the live view of ``run`` on top of the list of runs."""
        from workbench.tui.screens.live import LiveScreen

        await self._push_in("runs", LiveScreen(run))

    @work
    async def open_chat(self, run: RunFolder, question: str = "") -> None:
        """Show the chat with ``run`` on top of the choice of runs, with a question ready."""
        from workbench.tui.screens.chat import ChatScreen

        await self._push_in("chat", ChatScreen(run, question=question))

    @work
    async def open_report(self, run: RunFolder) -> None:
        """Show the report of ``run`` on top of the choice of runs."""
        from workbench.tui.screens.report import ReportScreen

        await self._push_in("report", ReportScreen(run))

    async def _push_in(self, mode: str, screen: Screen[Any]) -> None:
        await self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.push_screen(screen)

    def get_key_display(self, binding: Binding) -> str:
        """Write function keys as they are printed on the keyboard."""
        key = super().get_key_display(binding)
        return key.upper() if binding.key[:1] == "f" and binding.key[1:].isdigit() else key

    def action_go(self, mode: str) -> None:
        """Go to one of the five places."""
        self.switch_mode(mode)

    def action_help(self) -> None:
        """Tell what the current screen is and list its keys."""
        from workbench.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))
