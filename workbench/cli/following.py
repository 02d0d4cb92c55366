"""Follow a run in a plain terminal: a progress bar for each phase, on stderr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workbench.core.errors import RunFailedError
from workbench.core.sanitize import visible
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from workbench.runs.events import Event
    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

_INTERVAL = 0.25


def follow(run: RunFolder) -> RunView:
    """Show progress and warnings until the run ends, and return its last view."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[numbers]}", markup=False),
        TimeElapsedColumn(),
    )
    follower = RunFollower(run)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(run.id, total=None, numbers="")
        warned: Event | None = None
        while (view := follower.poll()).status.live:
            _show(progress, bar, view)
            warned = _warn(progress, view, warned)
            time.sleep(_INTERVAL)
        _show(progress, bar, view)
        _warn(progress, view, warned)
    return view


def raise_if_failed(run: RunFolder) -> None:
    """Raise an error if the run did not end well.

    Raises:
        RunFailedError: The run failed or was lost.
    """
    status = run.status()
    if status.state in ("failed", "lost"):
        raise RunFailedError(f"{run.id} {status.state}: {status.reason}")


def _warn(progress: Progress, view: RunView, last: Event | None) -> Event | None:
    """Print the warnings that follow ``last`` in the log, and return the newest one.

    Timestamps cannot order them, because a clock may be set back.
    """
    warnings = [notice for notice in view.notices if notice.get("level") == "warning"]
    new = warnings[warnings.index(last) + 1 :] if last in warnings else warnings
    for notice in new:
        text = visible(notice["text"])
        progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
    return warnings[-1] if warnings else None


def _show(progress: Progress, bar: TaskID, view: RunView) -> None:
    status = view.status
    if status.total and (status.phase == "training" or not status.live):
        loss, rate = view.value("train", "loss"), view.value("train", "tokens_per_second")
        left = view.value("train", "seconds_left")
        numbers = f"{status.step}/{status.total}"
        if loss is not None and rate is not None and left is not None:
            numbers += f" · loss {loss:.3f} · {rate:,.0f} tok/s · {left:.0f} s left"
        done, total = status.step, status.total
    else:
        phase = view.latest.get("phase", {})
        done, total = phase.get("done", 0), phase.get("total", 0)
        numbers = str(phase.get("detail", ""))
    name = status.state if not status.live else status.phase or status.label
    if status.is_paused:
        name = f"paused: {visible(status.paused)}"
    progress.update(bar, description=name, completed=done, total=total or None, numbers=numbers)
