"""The two lines over a run: what it is and where it stands, how far it is and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.widgets import Static

from workbench.core.formatting import percent
from workbench.core.sanitize import visible
from workbench.tui.labels import bar, clock, short
from workbench.tui.states import state_content

if TYPE_CHECKING:
    from workbench.runs.view import RunView

_BAR = 28
_NARROW_BAR = 14
_WIDE = 100


def first_line(view: RunView, about: str) -> Content:
    """State, process, id, and model and strategy in a few words."""
    return Content.assemble(
        state_content(view.status),
        "   ",
        (view.id, "bold"),
        (f"   {about}" if about else "", "dim"),
    )


def second_line(view: RunView, width: int) -> Content:
    """Progress: of the steps once there are steps, of the phase before, the reason at the end."""
    cells = _BAR if width >= _WIDE else _NARROW_BAR
    status = view.status
    if status.step and status.total:
        return _steps(view, cells)
    phase = view.latest.get("phase", {})
    if status.live and not status.is_paused:
        return _phase(phase, cells)
    return Content(visible(status.explanation))


def _steps(view: RunView, cells: int) -> Content:
    status = view.status
    share = status.step / status.total
    done, left = bar(share, cells)
    parts: list[Any] = [
        f"step {status.step:,} / {status.total:,}  ",
        (done, "$primary"),
        (left, "$panel"),
        f" {percent(share)}",
    ]
    if status.is_paused:
        return Content.assemble(*parts, ("   " + visible(status.paused), "$text-warning"))
    seconds = view.value("train", "seconds_left")
    if status.live and seconds is not None:
        parts += ["   ", (clock(seconds), "bold"), (" left", "dim")]
    speed = view.value("train", "tokens_per_second")
    if speed is not None:
        parts += ["   ", (short(speed), "bold"), (" tokens/s", "dim")]
    if view.unread:
        parts += [(f"   reading the log, {percent(1 - view.unread)}", "$text-muted")]
    elif status.reason:
        parts += [("   " + visible(status.reason), "$text-muted")]
    elif status.live and status.phase and status.phase != "training":
        parts += [("   " + status.phase, "$text-muted")]
    return Content.assemble(*parts)


def _phase(phase: dict[str, Any], cells: int) -> Content:
    name = phase.get("name") or "waiting for the worker"
    detail = visible(str(phase.get("detail", "")))
    done, total = phase.get("done", 0), phase.get("total", 0)
    parts: list[Any] = [f"{name} …", (f"  {detail}" if detail else "", "dim")]
    if total:
        full, left = bar(done / total, cells)
        parts += ["  ", (full, "$primary"), (left, "$panel"), f" {done:,} / {total:,}"]
    return Content.assemble(*parts)


class RunTitle(Static):
    """Both lines, redrawn with every view."""

    DEFAULT_CSS = """
    RunTitle { height: 2; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, view: RunView, about: str) -> None:
        """Show a newer view."""
        lines = [first_line(view, about), second_line(view, self.size.width)]
        self.update(Content("\n").join(lines))
