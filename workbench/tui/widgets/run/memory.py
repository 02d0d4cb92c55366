"""Memory charts: one for each GPU, or one of process and host where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import ItemGrid, Vertical
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from workbench.core.formatting import GIB, gib
from workbench.runs.series import Series, forecast_step
from workbench.tui.widgets.common.chart import Chart, ChartData, Curve
from workbench.tui.widgets.run.live_view import LiveView

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from workbench.runs.view import RunView

_COLUMN = 30
_HOST_TITLE = "process and host memory, GiB"
_WAITING = "waiting for the first reading"


class MemoryPane(ItemGrid):
    """One chart for each GPU; host memory is never labelled as GPU memory."""

    DEFAULT_CSS: ClassVar[str] = """
    MemoryPane {
        width: 1fr;
        height: 100%;
        grid-rows: 1fr;
        overflow-y: auto;
    }
    """

    view: var[LiveView] = var(LiveView())

    def __init__(self) -> None:
        super().__init__(id="memory", min_column_width=_COLUMN)
        self._devices: tuple[int, ...] | None = None

    async def watch_view(self, view: LiveView) -> None:
        """Have one pane for every device that the run has readings of, or one for the host."""
        if view.run is None:
            return
        devices = gpus(view.run)
        if devices != self._devices:
            self._devices = devices
            await self.remove_children()
            await self.mount_all(DeviceMemory(device) for device in devices or (None,))
        for pane in self.query(DeviceMemory):
            pane.run_view = view.run


class DeviceMemory(Vertical):
    """A chart, and a line with the other readings of its device or of the host."""

    DEFAULT_CSS: ClassVar[str] = """
    DeviceMemory {
        min-height: 7;
        & > Chart { height: 1fr; }
        & > Static { height: 1; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    run_view: var[RunView | None] = var(None)

    def __init__(self, device: int | None) -> None:
        """Show the memory of a CUDA device, or of the host if ``device`` is None."""
        super().__init__()
        self._device = device
        self._title = _HOST_TITLE if device is None else f"GPU {device} memory"
        self._chart = Chart(self._title, format_value=gib, unit=GIB, from_zero=True)
        self._line = Static()

    def compose(self) -> ComposeResult:
        yield self._chart
        yield self._line

    def watch_run_view(self, view: RunView | None) -> None:
        if view is None:
            return
        curves = _host(view) if self._device is None else _gpu(view, self._device)
        self._chart.data = ChartData(curves, _WAITING, until=view.status.step)
        if self._device is not None:
            self._chart.border_title = f"{self._title}, {_in_use(view, self._device)}"
        text = device_facts(view, self._device)
        self._line.display = bool(text.plain)
        self._line.update(text)


def gpus(view: RunView) -> tuple[int, ...]:
    """Indices of the CUDA devices that the run has readings of."""
    names = [name.removeprefix("memory.cuda") for name in view.series if ".cuda" in name]
    return tuple(sorted({int(name.partition("_")[0]) for name in names}))


def device_facts(view: RunView, device: int | None) -> Content:
    """The step at which memory will be full, if any, and the newest readings of device or disk."""
    parts: list[Any] = []
    full = _full_at(view, "host" if device is None else f"cuda{device}")
    if full is not None:
        parts.append((f"at this rate full at step {full:,}", "bold $text-warning"))
    if device is None and (limit := view.value("memory", "container_limit")) is not None:
        parts.append(f"the container's limit is {limit / GIB:.1f} GiB")
    parts += _disk(view) if device is None else _device(view, f"cuda{device}")
    return Content("   ").join([Content.assemble(part) for part in parts])


def _full_at(view: RunView, owner: str) -> int | None:
    """The step at which memory is full, if that is before the end of a live run."""
    total = view.value("memory", f"{owner}_total")
    used = view.series.get(f"memory.{owner}_used") or view.series.get(f"memory.{owner}_reserved")
    if not view.status.live or total is None or used is None or view.unread:
        return None
    step = forecast_step(used, total)
    return step if step is not None and step <= view.status.total else None


def _device(view: RunView, owner: str) -> list[str]:
    def value(name: str) -> float | None:
        reading: float | None = view.value("memory", f"{owner}_{name}")
        return reading

    used, process = value("used"), value("process")
    others = None if used is None or process is None else max(0.0, used - process)
    readings: tuple[tuple[float | None, Callable[[float], str]], ...] = (
        (value("utilisation"), lambda percent: f"{percent:.0f} % busy"),
        (value("power"), lambda watts: f"{watts:.0f} W"),
        (value("temperature"), lambda degrees: f"{degrees:.0f} °C"),
        (others, lambda size: f"others {gib(size)} GiB"),
    )
    return [label(number) for number, label in readings if number is not None]


def _disk(view: RunView) -> list[str]:
    free, total = view.value("memory", "disk_free"), view.value("memory", "disk_total")
    if free is None or total is None:
        return []
    return [f"disk {gib(free)} of {gib(total)} GiB free"]


def _gpu(view: RunView, device: int) -> tuple[Curve, ...]:
    return (
        _curve(view, f"cuda{device}_reserved", "reserved", "second"),
        _curve(view, f"cuda{device}_allocated", "allocated", "first"),
    )


def _host(view: RunView) -> tuple[Curve, ...]:
    return (
        _curve(view, "host_used", "host", "third"),
        _curve(view, "process", "process", "first"),
    )


def _curve(view: RunView, name: str, label: str, look: str) -> Curve:
    return Curve(label, view.series.get(f"memory.{name}", Series()), look)


def _in_use(view: RunView, device: int) -> str:
    used = view.value("memory", f"cuda{device}_used")
    total = view.value("memory", f"cuda{device}_total")
    if used is None or total is None:
        return "GiB"
    return f"{gib(used)} of {gib(total)} GiB in use"
