"""Memory charts: one for each GPU, or the process and the host where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import ItemGrid

from workbench.runs.series import Series
from workbench.tui.widgets.chart import Chart, Curve
from workbench.tui.words import GIB, gib

if TYPE_CHECKING:
    from workbench.runs.view import RunView

_COLUMN = 30
_HOST_TITLE = "process and host memory, GiB"
_WAITING = "waiting for the first reading"


class MemoryPane(ItemGrid):
    """Nothing here is an estimate, and host memory is never called GPU memory."""

    DEFAULT_CSS = """
    MemoryPane {
        width: 1fr;
        height: 100%;
        grid-rows: 1fr;
        overflow-y: auto;
        & > Chart { min-height: 7; }
    }
    """

    def __init__(self) -> None:
        """Start with an empty chart, replaced when it is known what devices there are."""
        super().__init__(id="memory", min_column_width=_COLUMN)
        self._devices: tuple[int, ...] | None = None

    async def show(self, view: RunView) -> None:
        """Show a newer view."""
        devices = gpus(view)
        if devices != self._devices:
            self._devices = devices
            await self.remove_children()
            titles = [f"GPU {device} memory, GiB" for device in devices] or [_HOST_TITLE]
            await self.mount_all(
                Chart(title, words=gib, unit=GIB, from_zero=True) for title in titles
            )
        for chart, device in zip(self.query(Chart), devices or (None,), strict=True):
            curves = _host(view) if device is None else _gpu(view, device)
            chart.show(curves, empty=_WAITING, until=view.status.step)
            if device is not None:
                chart.border_title = f"GPU {device} memory, {_in_use(view, device)}"


def gpus(view: RunView) -> tuple[int, ...]:
    """The CUDA devices that the run has written readings of."""
    names = [name.removeprefix("memory.cuda") for name in view.series if ".cuda" in name]
    return tuple(sorted({int(name.partition("_")[0]) for name in names}))


def _gpu(view: RunView, device: int) -> list[Curve]:
    return [
        _curve(view, f"cuda{device}_reserved", "reserved", "second"),
        _curve(view, f"cuda{device}_allocated", "allocated", "first"),
    ]


def _host(view: RunView) -> list[Curve]:
    return [
        _curve(view, "host_used", "host", "third"),
        _curve(view, "process", "process", "first"),
    ]


def _curve(view: RunView, name: str, label: str, look: str) -> Curve:
    return Curve(label, view.series.get(f"memory.{name}", Series()), look)


def _in_use(view: RunView, device: int) -> str:
    used = view.value("memory", f"cuda{device}_used")
    total = view.value("memory", f"cuda{device}_total")
    if used is None or total is None:
        return "GiB"
    return f"{gib(used)} of {gib(total)} GiB in use"
