"""The report: the verdict in one sentence, then what it stands on, down to single answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Footer, Static

from workbench.core.errors import FtwbError
from workbench.core.sanitize import visible
from workbench.evaluation.analysis.formatting import nats, points, rating, sample_note, share
from workbench.tui.commands import command
from workbench.tui.messages import OpenChat, OpenRun
from workbench.tui.run_actions import show_log, show_recipe
from workbench.tui.screens.base import PANE_KEYS, PanedScreen
from workbench.tui.verdicts import RATING_COLOURS, VERDICT_COLOURS
from workbench.tui.widgets.common.top_bar import TopBar
from workbench.tui.widgets.run.capabilities import CapabilityPane
from workbench.tui.widgets.run.items import ItemAnswers, ItemList

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from workbench.evaluation.analysis.comparison import JudgedRun
    from workbench.evaluation.analysis.findings import Findings, Interval, TargetTask
    from workbench.evaluation.analysis.formatting import RatedMeasure
    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status
    from workbench.tui.run_index import RunRow

_WIDE = 110
_PADDING = 4
_GAP = "   "
_MEASURES: dict[RatedMeasure, str] = {
    "kl_general": "KL to base",
    "delta_nll": "ΔNLL",
    "domain_leak": "leak, points",
}


@dataclass
class ReportRead(Message):
    """What is known of the run: its findings, or why there are none."""

    known: JudgedRun | None
    absence: str


class ReportScreen(PanedScreen):
    """One page that says what a run learned, what it lost, and how sure that is."""

    CSS_PATH = "report.tcss"
    ABOUT = (
        "Every question was put to the untouched base and to the result. A capability passes when "
        "the lower end of its change is above the margin, fails when it surely fell by more, and "
        "is inconclusive where too few items were asked. Knowledge is what the model can still "
        "choose; behaviour is how it answers. Enter asks an item again, in the chat."
    )
    PANES = ("capabilities", "items")
    BINDINGS: ClassVar = [
        command("c", "chat", "Chat", "Chat with this run beside its base model."),
        command("w", "watch", "Curves", "See the run's curves and notices."),
        command("l", "log", "Log", "Read the end of the worker's log.", footer=False),
        command("y", "recipe", "Recipe", "Read the recipe as YAML.", footer=False),
        *PANE_KEYS,
        command("escape", "back", "Back", "Choose another run."),
    ]

    def __init__(self, run: RunFolder) -> None:
        """Show the report of ``run`` as soon as there is one."""
        super().__init__()
        self.run_folder = run
        self.known: JudgedRun | None = None
        self._seen: tuple[str, bool] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the sentence, the figures and the panes."""
        yield TopBar()
        yield Static("reading the report …", id="sentence")
        yield Static(id="figures")
        with Container(id="body"):
            yield CapabilityPane()
            with Container(id="items-pane"):
                yield ItemList()
                yield ItemAnswers()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Read at once, and again whenever the run moves on, until there is a report."""
        self.show_pane("capabilities")
        self.read()
        self.watch(self.workbench, "rows", self._look_again, init=False)

    def _look_again(self, rows: tuple[RunRow, ...]) -> None:
        row = next((row for row in rows if row.run.id == self.run_folder.id), None)
        seen = (row.status.state, row.report) if row else None
        if self.known is None and seen not in (None, self._seen):
            self._seen = seen
            self.read()

    @work(thread=True, exclusive=True, group="report", exit_on_error=False)
    def read(self) -> None:
        """Read and judge the evidence."""
        from workbench.evaluation.analysis.comparison import read_judged_run

        run = self.run_folder
        if not run.report.is_file():
            self.post_message(ReportRead(None, absence(run.id, run.status())))
            return
        try:
            self.post_message(ReportRead(read_judged_run(run), ""))
        except FtwbError as error:
            self.post_message(ReportRead(None, str(error)))

    @on(ReportRead)
    def _show(self, message: ReportRead) -> None:
        self.known = message.known
        self.set_class(self.known is None, "-nothing")
        sentence = self.query_one("#sentence", Static)
        if not self.known:
            sentence.update(Content(visible(message.absence)))
            return
        findings = self.known.findings
        look = f"bold {VERDICT_COLOURS[findings.verdict]}"
        sentence.update(
            Content.assemble((f"{findings.verdict}  ", look), visible(findings.sentence))
        )
        self._show_figures()
        self.query_one(CapabilityPane).show(findings)
        self.query_one(ItemList).show(findings)
        if findings.items and not self.has_class("-low"):
            self.show_pane("items")
        self.focus_pane()

    def on_resize(self) -> None:
        """Leave the intervals of the figures out where there is no room for them."""
        self._show_figures()

    def _show_figures(self) -> None:
        if self.known:
            lines = figures(self.known.findings, self.size.width - _PADDING)
            self.query_one("#figures", Static).update(lines)

    @on(ItemList.Marked)
    def _show_item(self, message: ItemList.Marked) -> None:
        self.query_one(ItemAnswers).show(message.item)

    @on(ItemList.Chosen)
    def _ask_again(self, message: ItemList.Chosen) -> None:
        if self.run_folder.has_result():
            self.post_message(OpenChat(self.run_folder, message.item.prompt))
        else:
            self.notify("This run has no result to chat with.", severity="warning")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey the chat of a run without a result."""
        del parameters
        if action == "chat":
            return True if self.run_folder.has_result() else None
        return True

    def action_chat(self) -> None:
        """Chat with this run."""
        self.post_message(OpenChat(self.run_folder))

    def action_watch(self) -> None:
        """Open the live view."""
        self.post_message(OpenRun(self.run_folder))

    def action_log(self) -> None:
        """Read the log."""
        show_log(self, self.run_folder)

    def action_recipe(self) -> None:
        """Read the recipe."""
        show_recipe(self, self.run_folder)

    def action_back(self) -> None:
        """Go back to the choice of runs."""
        self.app.pop_screen()


def absence(run: str, status: Status) -> str:
    """Why there is no report, and what to do."""
    reason = f": {status.reason}" if status.reason else ""
    if status.live:
        return (
            f"No report yet: {run} is {status.state}. It is written at the end of the run and "
            "then shown here; w shows the curves meanwhile."
        )
    if status.state in ("failed", "lost"):
        return (
            f"No report: {run} is {status.state}{reason}. Nothing was measured after training; "
            "l reads the end of its log."
        )
    return (
        f"No report: {run} is {status.state}{reason}, and its result was never measured; "
        f"'ftwb evaluate {run}' on the command line does it now."
    )


def figures(findings: Findings, width: int) -> Content:
    """Target task, retention, divergence and leak in lines; with intervals where it is wide."""
    wide = width >= _WIDE - _PADDING
    parts = _learned(findings.target_task)
    if findings.retention_index:
        parts.append(_figure("retention index", findings.retention_index, _ratio, wide=wide))
    for measure, label in _MEASURES.items():
        if interval := getattr(findings, measure):
            look = RATING_COLOURS[rating(measure, interval.value)]
            words = points if measure == "domain_leak" else nats
            parts.append(_figure(label, interval, words, wide=wide, look=f"bold {look}"))
    if findings.kl_task and wide:
        parts.append(_figure("KL on the task", findings.kl_task, nats, wide=wide))
    if findings.noise_floor is not None and wide:
        noise = Content.assemble(("noise floor ", "dim"), (nats(findings.noise_floor), "bold"))
        parts.append(noise)
    return _packed(parts, width)


def _packed(parts: list[Content], width: int) -> Content:
    """The parts in as few lines as they need; none is broken where it fits on a line."""
    lines: list[Content] = []
    for part in parts:
        if lines and lines[-1].cell_length + len(_GAP) + part.cell_length <= width:
            lines[-1] = Content(_GAP).join((lines[-1], part))
        else:
            lines.append(part)
    return Content("\n").join(lines)


def _figure(
    label: str,
    interval: Interval,
    words: Callable[[float], str],
    *,
    wide: bool,
    look: str = "bold",
) -> Content:
    ends = f" ({words(interval.low)} … {words(interval.high)})" if wide else ""
    return Content.assemble((f"{label} ", "dim"), (words(interval.value), look), (ends, "dim"))


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _learned(task: TargetTask) -> list[Content]:
    """The target task: its score where there is one, and the loss on its held-out rows."""
    shown = []
    if task.after is not None:
        score = f"{share(task.before)} → {share(task.after)}"
        label = (f"{visible(task.name)} ", "dim")
        shown.append(Content.assemble(label, (score, "bold"), (sample_note(task), "dim")))
    if task.nll_after is not None:
        nll = f"{nats(task.nll_before)} → {nats(task.nll_after)}"
        shown.append(Content.assemble(("held-out loss ", "dim"), (nll, "bold")))
    return shown
