"""Memory charts: one for each GPU, or the process and the host where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.containers import ItemGrid, Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.runs.series import Series, forecast_step
from workbench.tui.labels import GIB, gib
from workbench.tui.widgets.common.chart import Chart, Curve

if TYPE_CHECKING:
    from collections.abc import Callable

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
    }
    """

    def __init__(self) -> None:
        """Start with an empty pane, replaced when it is known what devices there are."""
        super().__init__(id="memory", min_column_width=_COLUMN)
        self._devices: tuple[int, ...] | None = None

    async def show(self, view: RunView) -> None:
        """Show a newer view."""
        devices = gpus(view)
        if devices != self._devices:
            self._devices = devices
            await self.remove_children()
            panes = [DeviceMemory(device) for device in devices or (None,)]
            await self.mount_all(panes)
            for pane in panes:
                await pane.fill()
        for pane in self.query(DeviceMemory):
            pane.show(view)


class DeviceMemory(Vertical):
    """One chart, and a line of what else its device, or the host, tells."""

    DEFAULT_CSS = """
    DeviceMemory {
        min-height: 7;
        & > Chart { height: 1fr; }
        & > Static { height: 1; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, device: int | None) -> None:
        """Show a CUDA device, or the host for None."""
        self._title = _HOST_TITLE if device is None else f"GPU {device} memory"
        self._chart = Chart(self._title, words=gib, unit=GIB, from_zero=True)
        self._line = Static()
        super().__init__()
        self._device = device

    async def fill(self) -> None:
        """Mount chart and line, and wait until they can be drawn on."""
        await self.mount(self._chart, self._line)

    def show(self, view: RunView) -> None:
        """Show a newer view."""
        curves = _host(view) if self._device is None else _gpu(view, self._device)
        self._chart.show(curves, empty=_WAITING, until=view.status.step)
        if self._device is not None:
            self._chart.border_title = f"{self._title}, {_in_use(view, self._device)}"
        told = facts(view, self._device)
        self._line.display = bool(told.plain)
        self._line.update(told)


def gpus(view: RunView) -> tuple[int, ...]:
    """The CUDA devices that the run has written readings of."""
    names = [name.removeprefix("memory.cuda") for name in view.series if ".cuda" in name]
    return tuple(sorted({int(name.partition("_")[0]) for name in names}))


def facts(view: RunView, device: int | None) -> Content:
    """The forecast where there is one, and what was last read of the device or the disk."""
    parts: list[Any] = []
    full = _full_at(view, "host" if device is None else f"cuda{device}")
    if full is not None:
        parts.append((f"at this pace full at step {full:,}", "bold $text-warning"))
    parts += _disk(view) if device is None else _device(view, f"cuda{device}")
    return Content("   ").join([Content.assemble(part) for part in parts])


def _full_at(view: RunView, owner: str) -> int | None:
    """The step at which the memory is full, where that is before the end of a live run."""
    total = view.value("memory", f"{owner}_total")
    used = view.series.get(f"memory.{owner}_used") or view.series.get(f"memory.{owner}_reserved")
    if not view.status.live or total is None or used is None or view.unread:
        return None
    step = forecast_step(used, total)
    return step if step is not None and step <= view.status.total else None


def _device(view: RunView, owner: str) -> list[str]:
    def value(name: str) -> float | None:
        known: float | None = view.value("memory", f"{owner}_{name}")
        return known

    used, process = value("used"), value("process")
    others = None if used is None or process is None else max(0.0, used - process)
    known: tuple[tuple[float | None, Callable[[float], str]], ...] = (
        (value("utilisation"), lambda percent: f"{percent:.0f} % busy"),
        (value("power"), lambda watts: f"{watts:.0f} W"),
        (value("temperature"), lambda degrees: f"{degrees:.0f} °C"),
        (others, lambda size: f"others {gib(size)} GiB"),
    )
    return [words(number) for number, words in known if number is not None]


def _disk(view: RunView) -> list[str]:
    free, total = view.value("memory", "disk_free"), view.value("memory", "disk_total")
    if free is None or total is None:
        return []
    return [f"disk {gib(free)} of {gib(total)} GiB free"]


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
