"""The events of a run in words, and the model's answers before and after training."""

from __future__ import annotations

import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from workbench.core.formatting import percent
from workbench.core.sanitize import visible
from workbench.tui.widgets.run.live_view import LiveView

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.evaluation.report import Report
    from workbench.runs.events import Event
    from workbench.runs.view import RunView

_MAX_NOTICES = 60


class EventLogPane(VerticalScroll):
    """Answers before and after once there are any, then the end of a failed log, then notices."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS: ClassVar[str] = """
    EventLogPane { & > Static { height: auto; } }
    """

    view: var[LiveView] = var(LiveView())

    def __init__(self) -> None:
        super().__init__(classes="pane")
        self._answers, self._failure, self._notices = Static(), Static(), Static()

    def compose(self) -> ComposeResult:
        for text in (self._answers, self._failure, self._notices):
            text.display = False
            yield text

    def watch_view(self, view: LiveView) -> None:
        step = view.resumable_step
        self.border_title = "Before and after" if view.report else "Events"
        self.border_subtitle = f"u resumes from step {step:,}" if step else ""
        _update(self._answers, answers(view.report) if view.report else Content(""))
        _update(self._failure, failure(view.run, view.log_tail) if view.run else Content(""))
        notices = view.run.notices[-_MAX_NOTICES:] if view.run else ()
        _update(self._notices, Content("\n").join(map(_line, reversed(notices))))


def _update(static: Static, text: Content) -> None:
    """Show ``text``, or nothing if it is empty; an unchanged one is not laid out again."""
    if static.content != text:
        static.display = bool(text.plain)
        static.update(text)


def answers(report: Report) -> Content:
    """The score on the target task, and each general prompt with both answers."""
    parts: list[Any] = []
    before, after = report.before.target_score, report.after.target_score
    if before is not None and after is not None:
        parts += [("target task  ", "dim"), (f"{percent(before)} → {percent(after)}", "bold"), "\n"]
    for prompt, old, new in zip(
        report.prompts, report.before.answers, report.after.answers, strict=False
    ):
        parts += ["\n", (visible(prompt), "bold $primary")]
        parts += [("\n  before  ", "dim"), _one_line(old), ("\n  after   ", "dim"), _one_line(new)]
        parts.append("\n")
    return Content.assemble(*parts)


def _one_line(text: str) -> str:
    return visible(" ".join(text.split())) or "(nothing)"


def failure(view: RunView, log_tail: str) -> Content:
    """The reason and the end of the log of a run that failed or was lost; empty for others."""
    if view.status.state not in ("failed", "lost"):
        return Content("")
    parts: list[Any] = [
        (f"✗ {visible(view.status.reason) or 'no reason given'}", "bold $text-error")
    ]
    if log_tail:
        parts += [
            ("\nthe end of worker.log (l shows more)", "dim"),
            f"\n{visible(log_tail.rstrip())}",
        ]
    return Content.assemble(*parts, "\n")


def _line(event: Event) -> Content:
    stamp = time.strftime("%H:%M:%S  ", time.localtime(event.get("t", 0)))
    return Content.assemble((stamp, "dim"), *_words(event))


def _words(event: Event) -> list[Any]:
    def text(field: str) -> str:
        return visible(str(event.get(field, "")))

    match event["kind"]:
        case "error":
            return [("✗ ", "$text-error"), text("text")]
        case "phase":
            count = f" {event['done']:,} / {event['total']:,}" if event.get("total") else ""
            return [(f"· {text('name')}  {text('detail')}{count}", "dim")]
        case "checkpoint":
            return [("▣ ", "$secondary"), f"checkpoint {PurePath(text('path')).name}"]
    if event.get("level") == "warning":
        return [("⚠ ", "$text-warning"), text("text")]
    return [("· ", "$primary"), text("text")]
