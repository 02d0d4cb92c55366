"""The report: the verdict in a word with its proof, then the evidence, down to single answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Footer, Static

from workbench.core.errors import FtwbError
from workbench.core.sanitize import visible
from workbench.runs.run_index import RunSnapshot
from workbench.tui.commands import command
from workbench.tui.messages import OpenChat
from workbench.tui.run_bands import report_stamp
from workbench.tui.screens.base import PANE_KEYS, PanedScreen
from workbench.tui.screens.run_screen import RunScreen
from workbench.tui.widgets.common.band import BandLine
from workbench.tui.widgets.common.top_bar import TopBar
from workbench.tui.widgets.run.capabilities import CapabilityPane
from workbench.tui.widgets.run.criteria import CriteriaPane
from workbench.tui.widgets.run.items import ItemAnswers, ItemList

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.evaluation.analysis.findings import Findings, ItemFinding
    from workbench.runs.folder import RunFolder
    from workbench.runs.run_index import RunRow
    from workbench.runs.status import Status
    from workbench.tui.run_bands import BandReading, ReportStamp


@dataclass
class FindingsRead(Message):
    """What was measured in the run, or why nothing can be shown."""

    snapshot: RunSnapshot
    findings: Findings | None
    reason: str = ""
    stamp: ReportStamp | None = None


class ReportScreen(RunScreen, PanedScreen):
    """One page that says what a run learned, what it lost, and how sure that is."""

    CSS_PATH = "report.tcss"
    ABOUT = (
        "The untouched base and the result answered the same questions. A criterion passes when "
        "its whole interval is within the limit, fails when all of it is beyond, and is "
        "inconclusive where too little was measured. One failed criterion is a failed run. n "
        "offers what to do about it. Knowledge is what the model can still "
        "choose; behaviour is how it answers. Enter asks an item again, in the chat."
    )
    PANES = ("criteria", "capabilities", "items")
    OMITTED_ACTIONS = frozenset({"report"})
    RECURRING = frozenset({"report"})
    BINDINGS: ClassVar = [
        *PANE_KEYS,
        command("escape", "back", "Back", "Choose another run."),
    ]

    findings: var[Findings | None] = var(None)
    """What was measured; None until there is a report. The panes bind to it."""
    item: var[ItemFinding | None] = var(None)
    """The item whose answers are shown."""

    def __init__(self, run: RunFolder) -> None:
        """Show the report of ``run`` as soon as there is one."""
        super().__init__()
        self.run_folder = run
        self._last_seen: tuple[str, bool] | None = None
        self._stamp: ReportStamp | None = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield BandLine(self.run_folder, key="n", proof=True)
        yield Static("reading the report …", id="no-report")
        with Container(id="body"):
            yield CriteriaPane().data_bind(ReportScreen.findings)
            yield CapabilityPane().data_bind(ReportScreen.findings)
            with Container(id="items-pane"):
                yield ItemList().data_bind(ReportScreen.findings)
                yield ItemAnswers().data_bind(ReportScreen.item)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        self.add_class("-nothing")
        self.show_pane("criteria")
        self.read()
        self.watch(self.workbench, "rows", self._follow, init=False)
        self.watch(self.workbench, "bands", self._follow_report, init=False)

    def _follow(self, rows: tuple[RunRow, ...]) -> None:
        """Keep the keys right, and read again whenever the run has moved on without a report."""
        row = next((row for row in rows if row.run.id == self.run_folder.id), None)
        if row is None:
            return
        self.selected_run = row.snapshot
        seen = (row.status.state, row.snapshot.has_report)
        if self.findings is None and seen != self._last_seen:
            self._last_seen = seen
            self.read()

    def _follow_report(self, bands: dict[str, BandReading]) -> None:
        """Read the report again after another evaluation has rewritten it."""
        reading = bands.get(self.run_folder.id)
        if self._stamp and reading and reading.stamp != self._stamp:
            self.read()

    @work(thread=True, exclusive=True, group="report", name="reading the report")
    def read(self) -> None:
        """Read the report and judge it."""
        from workbench.evaluation.analysis.comparison import read_judged_run

        snapshot, stamp = RunSnapshot.read(self.run_folder), report_stamp(self.run_folder)
        if not snapshot.has_report:
            reason = why_no_report(self.run_folder.id, snapshot.status)
            self.post_message(FindingsRead(snapshot, None, reason))
            return
        try:
            findings = read_judged_run(self.run_folder).findings
        except FtwbError as error:
            self.post_message(FindingsRead(snapshot, None, str(error)))
        else:
            self.post_message(FindingsRead(snapshot, findings, stamp=stamp))

    @on(FindingsRead)
    def _show(self, message: FindingsRead) -> None:
        self.selected_run, self._stamp = message.snapshot, message.stamp
        self.set_class(message.findings is None, "-nothing")
        if message.findings is None:
            self.query_one("#no-report", Static).update(Content(visible(message.reason)))
        else:
            self._show_findings(message.findings)

    def _show_findings(self, findings: Findings) -> None:
        self.findings = findings
        if findings.items and not self.has_class("-low"):
            self.show_pane("items")
        self.focus_pane()

    @on(ItemList.ItemHighlighted)
    def _show_item(self, message: ItemList.ItemHighlighted) -> None:
        self.item = message.item

    @on(ItemList.AskAgain)
    def _ask_again(self, message: ItemList.AskAgain) -> None:
        if self.run_folder.has_result():
            self.post_message(OpenChat(self.run_folder, message.item.prompt))
        else:
            self.notify("This run has no result to chat with.", severity="warning")

    def action_back(self) -> None:
        """Go back to the choice of runs."""
        self.app.pop_screen()


def why_no_report(run: str, status: Status) -> str:
    """Why there is no report, and what to do."""
    reason = f": {status.reason}" if status.reason else ""
    if status.live:
        return (
            f"No report yet: {run} is {status.state}. It is written when the run ends and is then "
            "shown here; w shows the curves meanwhile."
        )
    if status.state in ("failed", "lost"):
        return (
            f"No report: {run} is {status.state}{reason}. Nothing was measured after training; "
            "l shows the end of its log."
        )
    return (
        f"No report: {run} is {status.state}{reason}, and its result was not measured; "
        f"'ftwb evaluate {run}' measures it."
    )
