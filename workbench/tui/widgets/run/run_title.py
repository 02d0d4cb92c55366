"""The two lines above a run: its state and what it is, its progress and speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from workbench.core.formatting import compact, duration, percent
from workbench.core.sanitize import visible
from workbench.tui.labels import bar
from workbench.tui.state_labels import state_content
from workbench.tui.widgets.run.live_view import LiveView

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe
    from workbench.runs.view import RunView

_BAR = 28
_NARROW_BAR = 14
_WIDE = 100


def state_line(view: RunView, recipe: Recipe | None) -> Content:
    """State, pid and id of the run, its strategy and its model."""
    about = f"   {recipe.strategy.card.title} on {recipe.model.id}" if recipe else ""
    return Content.assemble(
        state_content(view.status), "   ", (visible(view.id), "bold"), (about, "dim")
    )


def progress_line(view: RunView, width: int) -> Content:
    """Progress of the training, or before its first step of the phase; at the end the reason."""
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
        parts += ["   ", (duration(seconds), "bold"), (" left", "dim")]
    speed = view.value("train", "tokens_per_second")
    if speed is not None:
        parts += ["   ", (compact(speed), "bold"), (" tokens/s", "dim")]
    if view.unread:
        parts += [(f"   reading the log, {percent(1 - view.unread)}", "$text-muted")]
    elif status.reason:
        parts += [("   " + visible(status.reason), "$text-muted")]
    elif status.live and status.phase and status.phase != "training":
        parts += [("   " + visible(status.phase), "$text-muted")]
    return Content.assemble(*parts)


def _phase(phase: dict[str, Any], cells: int) -> Content:
    name = visible(str(phase.get("name") or "waiting for the worker"))
    detail = visible(str(phase.get("detail", "")))
    done, total = phase.get("done", 0), phase.get("total", 0)
    parts: list[Any] = [f"{name} …", (f"  {detail}" if detail else "", "dim")]
    if total:
        filled, left = bar(done / total, cells)
        parts += ["  ", (filled, "$primary"), (left, "$panel"), f" {done:,} / {total:,}"]
    return Content.assemble(*parts)


class RunTitle(Widget):
    """Both lines, redrawn with every view."""

    DEFAULT_CSS: ClassVar[str] = """
    RunTitle { height: 2; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    view: reactive[LiveView] = reactive(LiveView())

    def render(self) -> Content:
        run = self.view.run
        if run is None:
            return Content("")
        lines = (state_line(run, self.view.recipe), progress_line(run, self.size.width))
        return Content("\n").join(lines)
