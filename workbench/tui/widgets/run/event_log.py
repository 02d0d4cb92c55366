"""What happened in a run, in words, and what its model answered before and after."""

from __future__ import annotations

import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.core.formatting import percent
from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from workbench.evaluation.report import Report
    from workbench.runs.events import Event
    from workbench.runs.view import RunView

_SHOWN = 60


class EventLogPane(VerticalScroll):
    """Answers first once there are any, then the worker's last words, then the notices."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    Journal { & > Static { height: auto; } }
    """

    def compose(self) -> Any:
        """Lay out the three texts."""
        yield Static(id="answers")
        yield Static(id="last-words")
        yield Static(id="notices")

    def on_mount(self) -> None:
        """Name the pane."""
        self.border_title = "What happened"
        for text in self.query(Static):
            text.display = False

    def show(self, view: RunView, last_words: str, resumes: int = 0) -> None:
        """Show a newer view.

        Args:
            view: The view.
            last_words: The end of the log of a run that went wrong.
            resumes: The step that a run which ended early would go on from; 0 where it cannot.
        """
        self.border_subtitle = f"u resumes it from step {resumes:,}" if resumes else ""
        self._set("#last-words", _wrong(view, last_words))
        self._set("#notices", Content("\n").join(map(_line, reversed(view.notices[-_SHOWN:]))))

    def show_report(self, report: Report) -> None:
        """Show the answers before and after."""
        self.border_title = "Before and after"
        self._set("#answers", answers(report))

    def _set(self, selector: str, text: Content) -> None:
        static = self.query_one(selector, Static)
        static.display = bool(text.plain)
        static.update(text)


def answers(report: Report) -> Content:
    """Each general prompt with both answers, and the score on the target task."""
    parts: list[Any] = []
    before, after = report.before.target_score, report.after.target_score
    if before is not None and after is not None:
        parts += [("target task  ", "dim"), (f"{percent(before)} → {percent(after)}", "bold"), "\n"]
    for prompt, old, new in zip(
        report.prompts, report.before.answers, report.after.answers, strict=False
    ):
        parts += ["\n", (prompt, "bold $primary")]
        parts += [("\n  before  ", "dim"), _one_line(old), ("\n  after   ", "dim"), _one_line(new)]
        parts.append("\n")
    return Content.assemble(*parts)


def _one_line(text: str) -> str:
    return visible(" ".join(text.split())) or "(nothing)"


def _wrong(view: RunView, last_words: str) -> Content:
    if view.status.state not in ("failed", "lost"):
        return Content("")
    parts: list[Any] = [
        (f"✗ {visible(view.status.reason) or 'no reason given'}", "bold $text-error")
    ]
    if last_words:
        parts += [
            ("\nlast words of worker.log (l shows all)", "dim"),
            f"\n{visible(last_words.rstrip())}",
        ]
    return Content.assemble(*parts, "\n")


def _line(event: Event) -> Content:
    clock = time.strftime("%H:%M:%S", time.localtime(event.get("t", 0)))
    stamp = (f"{clock}  ", "dim")
    match event["kind"]:
        case "error":
            return Content.assemble(
                stamp, ("✗ ", "$text-error"), visible(str(event.get("text", "")))
            )
        case "phase":
            detail = visible(str(event.get("detail", "")))
            count = f" {event['done']:,} / {event['total']:,}" if event.get("total") else ""
            return Content.assemble(
                stamp, (f"· {event.get('name', '')}", "dim"), (f"  {detail}{count}", "dim")
            )
        case "checkpoint":
            return Content.assemble(
                stamp,
                ("▣ ", "$secondary"),
                f"checkpoint {PurePath(str(event.get('path', ''))).name}",
            )
    warning = event.get("level") == "warning"
    mark = ("⚠ ", "$text-warning") if warning else ("· ", "$primary")
    return Content.assemble(stamp, mark, visible(str(event.get("text", ""))))
