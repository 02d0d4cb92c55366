"""Everything that a screen may know of a run, as one frozen snapshot per tick."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.runs.arrow_events import EventColumns, read_columns
from workbench.runs.events import Event, EventReader, is_plottable, newest_lines, parse_event
from workbench.runs.series import Series, SeriesBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

CHUNK = 8 << 20
"""Bytes of a log read per poll, so that memory is bounded and the screen stays responsive."""

_PREVIEW_BYTES = 256 << 10
"""Bytes at the end of a long log that are read first, for the newest values."""

_MANY_LINES = 2000
"""Lines from which on they are read as columns; for fewer, loading Arrow is slower."""

_MOST_NOTICES = 200
_RESUMED = b'"resumed_from"'
"""Marks a line after which steps continue from an earlier one."""

_COMMON_FIELDS = frozenset({"t", "step", "kind"})
_NOTICES = frozenset({"notice", "error", "phase", "checkpoint"})
_ONE_BY_ONE = _NOTICES | {"canary"}
"""Kinds whose texts matter, in their order."""


@dataclass(frozen=True)
class Canary:
    """A prompt that is asked again and again, with its first and its newest answer."""

    prompt: str
    first: str
    first_step: int
    newest: str
    newest_step: int

    def answered(self, step: int, answer: str) -> Canary:
        """This canary after another answer."""
        return replace(self, newest=answer, newest_step=step)

    def rewound(self, step: int) -> Canary:
        """This canary with its first answer only, if the newest came after ``step``."""
        return self if self.newest_step <= step else self.answered(self.first_step, self.first)


@dataclass(frozen=True)
class RunView:
    """A run at one moment.

    Attributes:
        id: The run's id.
        status: Its state; paused, lost and finished are states, not errors.
        series: A curve for every number in the events, named ``kind.field`` (``train.loss``).
        latest: The newest event of each kind.
        notices: The last notices, errors and phases, oldest first.
        canaries: In the order in which they were first asked.
        unread: Share of a long log that ``series`` does not cover yet.
    """

    id: str
    status: Status
    series: Mapping[str, Series] = field(default_factory=dict)
    latest: Mapping[str, Event] = field(default_factory=dict)
    notices: tuple[Event, ...] = ()
    canaries: tuple[Canary, ...] = ()
    unread: float = 0.0

    def value(self, kind: str, name: str) -> Any:
        """The newest value of one field; None if there is none."""
        return self.latest.get(kind, {}).get(name)


class EventAggregator:
    """Folds events into series, notices and canaries, in memory that does not grow with them."""

    def __init__(self) -> None:
        """Start without events."""
        self._series: dict[str, SeriesBuilder] = defaultdict(SeriesBuilder)
        self._snapshots: dict[str, Series] = {}
        self._latest: dict[str, Event] = {}
        self._notices: deque[Event] = deque(maxlen=_MOST_NOTICES)
        self._canaries: dict[str, Canary] = {}

    def add_lines(self, lines: Sequence[bytes]) -> None:
        """Fold in the next lines of the log; lines that are not events are skipped.

        Split after every event that rewinds the run: in what follows, none but the last line of a
        part may rewind.
        """
        ends = [place + 1 for place, line in enumerate(lines) if _RESUMED in line]
        for start, end in pairwise([0, *ends, len(lines)]):
            part = lines[start:end]
            columns = read_columns(b"".join(part), len(part)) if len(part) >= _MANY_LINES else None
            touched = (
                self._add_events(part) if columns is None else self._add_columns(part, columns)
            )
            self._snapshots |= {name: self._series[name].snapshot() for name in touched}

    def view(self, run: str, status: Status) -> RunView:
        """A frozen copy."""
        return RunView(
            id=run,
            status=status,
            series=dict(self._snapshots),
            latest=dict(self._latest),
            notices=tuple(self._notices),
            canaries=tuple(self._canaries.values()),
        )

    def _add_events(self, lines: Iterable[bytes]) -> set[str]:
        """Fold in lines one by one; the names of the series that changed."""
        touched: set[str] = set()
        for event in filter(None, map(parse_event, lines)):
            touched |= self._add_event(event)
        return touched

    def _add_columns(self, lines: Sequence[bytes], columns: Iterable[EventColumns]) -> set[str]:
        """Fold in columns of numbers; events whose texts matter are added one by one."""
        touched: set[str] = set()
        one_by_one: list[int] = []
        for kind, places, numbers in columns:
            if kind in _ONE_BY_ONE:
                one_by_one += places.tolist()
                continue
            if newest := parse_event(lines[places[-1]]):
                self._latest[kind] = newest
            for name, (steps, values) in numbers.items():
                self._series[f"{kind}.{name}"].extend(steps, values)
                touched.add(f"{kind}.{name}")
        return touched | self._add_events(lines[place] for place in sorted(one_by_one))

    def _add_event(self, event: Event) -> set[str]:
        kind, step = event["kind"], event["step"]
        if (resumed_from := event.get("resumed_from")) is not None:
            self._rewind(resumed_from)
        self._latest[kind] = event
        if kind in _NOTICES:
            self._notices.append(event)
            return set()
        if kind == "canary":
            self._add_answer(str(event.get("name", "")), step, str(event.get("value", "")))
            return set()
        numbers = {
            f"{kind}.{key}": value
            for key, value in event.items()
            if key not in _COMMON_FIELDS and is_plottable(value)
        }
        for name, value in numbers.items():
            self._series[name].add(step, value)
        return set(numbers)

    def _rewind(self, step: int) -> None:
        """Forget what was measured after ``step``, because a resumed run measures it again."""
        for name, series in self._series.items():
            series.rewind(step)
            self._snapshots[name] = series.snapshot()
        self._latest = {
            kind: event for kind, event in self._latest.items() if event["step"] <= step
        }
        self._canaries = {
            prompt: canary.rewound(step)
            for prompt, canary in self._canaries.items()
            if canary.first_step <= step
        }

    def _add_answer(self, prompt: str, step: int, answer: str) -> None:
        canary = self._canaries.get(prompt)
        self._canaries[prompt] = (
            canary.answered(step, answer) if canary else Canary(prompt, answer, step, answer, step)
        )


class RunFollower:
    """Follows a run: reads on from the last offset and returns the next view."""

    def __init__(self, run: RunFolder) -> None:
        """Start at the beginning of the run's log."""
        self._run = run
        self._reader = EventReader(run.events)
        self._events = EventAggregator()
        self._preview: RunView | None = None

    def poll(self, limit: int = 0) -> RunView:
        """Read what is new and return the current view.

        Args:
            limit: Bytes of the log to read at most; 0 reads everything. If more are waiting, the
                first view has only the newest values, from the end of the log. The following views
                have the curves as far as they were read, and ``unread`` says how much is left.
        """
        if not limit:
            while lines := self._reader.lines(CHUNK):
                self._events.add_lines(lines)
        elif self._preview is None and self._reader.unread > limit:
            self._preview = self._read_preview()
        elif lines := self._reader.lines(limit):
            self._events.add_lines(lines)
        else:
            self._preview = None
        return self._view(self._reader.unread if limit else 0)

    def _read_preview(self) -> RunView:
        preview = EventAggregator()
        preview.add_lines(newest_lines(self._run.events, _PREVIEW_BYTES))
        return preview.view(self._run.id, self._run.status())

    def _view(self, unread: int) -> RunView:
        """The current view; while there is more to read, its newest values are the preview's."""
        view = self._events.view(self._run.id, self._run.status())
        preview = self._preview
        if preview is None or not unread:
            self._preview = None
            return view
        return replace(
            view,
            series={
                name: replace(curve, last=preview.series[name].last)
                if name in preview.series
                else curve
                for name, curve in view.series.items()
            },
            latest={**view.latest, **preview.latest},
            notices=preview.notices,
            unread=unread / self._reader.size,
        )
