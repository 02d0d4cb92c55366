"""One frozen snapshot of a run per tick: all that a screen may know of it."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.runs.arrow_events import Columns, read_columns
from workbench.runs.events import Event, EventReader, parse
from workbench.runs.series import Series, SeriesBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

CHUNK = 8 << 20
"""Bytes of a log that are folded at a time: memory is bounded, and a screen has its turn."""

_GLANCE = 256 << 10
"""Bytes at the end of a long log that are read first, for the newest values."""

_MANY = 2000
"""Lines from which on they are read by column; below, loading Arrow costs more than it saves."""

_NOTICES = 200
_RESUMED = b'"resumed_from"'
"""Marks the line after which steps are counted from an earlier one again."""

_META = frozenset({"t", "step", "kind"})
_NOTICED = frozenset({"notice", "error", "phase", "checkpoint"})
_TOLD = _NOTICED | {"canary"}
"""Kinds whose words matter, in their order."""


@dataclass(frozen=True)
class Canary:
    """One prompt that is asked again and again, with its first and its newest answer."""

    prompt: str
    first: str
    first_step: int
    newest: str
    newest_step: int

    def answered(self, step: int, answer: str) -> Canary:
        """This canary after one more answer."""
        return replace(self, newest=answer, newest_step=step)

    def rewound(self, step: int) -> Canary:
        """This canary with its first answer again, where the newest came after ``step``."""
        return self if self.newest_step <= step else self.answered(self.first_step, self.first)


@dataclass(frozen=True)
class RunView:
    """What is known of a run at one moment.

    Attributes:
        id: The run's id.
        status: Where it stands; paused, lost and finished are states, not errors.
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
        """The newest value of one field, None when it was never written."""
        return self.latest.get(kind, {}).get(name)


class EventAggregator:
    """What the events told so far add up to, in memory that does not grow with their number."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._series: dict[str, SeriesBuilder] = defaultdict(SeriesBuilder)
        self._snapshots: dict[str, Series] = {}
        self._latest: dict[str, Event] = {}
        self._notices: deque[Event] = deque(maxlen=_NOTICES)
        self._canaries: dict[str, Canary] = {}

    def tell(self, lines: Sequence[bytes]) -> None:
        """Fold in the next lines of the log; what is no event is skipped."""
        text = b"".join(lines)
        if _RESUMED not in text:
            self._tell(lines, text)
            return
        ends = [place + 1 for place, line in enumerate(lines) if _RESUMED in line]
        for start, end in pairwise([0, *ends, len(lines)]):
            self._tell(lines[start:end], b"".join(lines[start:end]))

    def _tell(self, lines: Sequence[bytes], text: bytes) -> None:
        """Fold in lines, and the text they are, of which none but the last takes others back."""
        columns = read_columns(text, len(lines)) if len(lines) >= _MANY else None
        touched = self._one_by_one(lines) if columns is None else self._all_at_once(lines, columns)
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

    def _one_by_one(self, lines: Iterable[bytes]) -> set[str]:
        touched: set[str] = set()
        for line in lines:
            event = parse(line)
            if event is not None:
                touched |= self._fold(event)
        return touched

    def _all_at_once(self, lines: Sequence[bytes], columns: Iterable[Columns]) -> set[str]:
        """Fold in many numbers; the events whose words matter go one by one."""
        touched: set[str] = set()
        told: list[int] = []
        for kind, places, numbers in columns:
            if kind in _TOLD:
                told += places.tolist()
                continue
            self._one_latest(lines[places[-1]])
            for name, (steps, values) in numbers.items():
                self._series[f"{kind}.{name}"].extend(steps, values)
                touched.add(f"{kind}.{name}")
        return touched | self._one_by_one(lines[place] for place in sorted(told))

    def _one_latest(self, line: bytes) -> None:
        event = parse(line)
        if event is not None:
            self._latest[event["kind"]] = event

    def _fold(self, event: Event) -> set[str]:
        kind = event["kind"]
        if (step := event.get("resumed_from")) is not None:
            self._rewind(step)
        self._latest[kind] = event
        if kind in _NOTICED:
            self._notices.append(event)
            return set()
        if kind == "canary":
            self._hear(str(event.get("name", "")), event["step"], str(event.get("value", "")))
            return set()
        numbers = {
            f"{kind}.{key}": value
            for key, value in event.items()
            if key not in _META and isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        for name, value in numbers.items():
            self._series[name].add(event["step"], value)
        return set(numbers)

    def _rewind(self, step: int) -> None:
        """Forget what was measured after ``step``: a resumed run measures it anew."""
        for name, series in self._series.items():
            series.rewind(step)
            self._snapshots[name] = series.snapshot()
        self._latest = {kind: one for kind, one in self._latest.items() if one["step"] <= step}
        self._canaries = {
            prompt: canary.rewound(step)
            for prompt, canary in self._canaries.items()
            if canary.first_step <= step
        }

    def _hear(self, prompt: str, step: int, answer: str) -> None:
        known = self._canaries.get(prompt)
        self._canaries[prompt] = (
            known.answered(step, answer) if known else Canary(prompt, answer, step, answer, step)
        )


class RunFollower:
    """Follows a run from its last offset and folds what is new into the next view."""

    def __init__(self, run: RunFolder) -> None:
        """Start at the beginning of the run's log."""
        self._run = run
        self._reader = EventReader(run.events)
        self._whole = EventAggregator()
        self._newest: RunView | None = None

    def poll(self, most: int = 0) -> RunView:
        """Read what is new and return the view of now.

        Args:
            most: Bytes of the log to read at most; 0 reads everything. Where more are waiting, the
                first view has only the newest values, from the end of the log; the views after it
                have the curve as far as it is read, and tell in ``unread`` how much is left.
        """
        if not most:
            while lines := self._reader.lines(CHUNK):
                self._whole.tell(lines)
        elif self._newest is None and self._reader.unread > most:
            self._newest = self._glance()
        elif lines := self._reader.lines(most):
            self._whole.tell(lines)
        else:
            self._newest = None
        return self._view(self._reader.unread if most else 0)

    def _glance(self) -> RunView:
        glance = EventAggregator()
        glance.tell(self._reader.newest(_GLANCE))
        return glance.view(self._run.id, self._run.status())

    def _view(self, unread: int) -> RunView:
        """The view of now; as long as any is left unread, the newest values are those seen."""
        view = self._whole.view(self._run.id, self._run.status())
        newest = self._newest
        if newest is None or not unread:
            self._newest = None
            return view
        return replace(
            view,
            series={name: _ending(curve, newest, name) for name, curve in view.series.items()},
            latest={**view.latest, **newest.latest},
            notices=newest.notices,
            unread=unread / self._reader.size,
        )


def _ending(curve: Series, newest: RunView, name: str) -> Series:
    """The curve as far as it is read, with its newest value."""
    known = newest.series.get(name)
    return replace(curve, last=known.last) if known else curve
