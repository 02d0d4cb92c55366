"""One frozen snapshot of a run per tick: all that a screen may know of it."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workbench.runs.events import Event, EventReader
from workbench.runs.series import Series, SeriesBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

_NOTICES = 200
_META = frozenset({"t", "step", "kind"})


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
    """

    id: str
    status: Status
    series: Mapping[str, Series] = field(default_factory=dict)
    latest: Mapping[str, Event] = field(default_factory=dict)
    notices: tuple[Event, ...] = ()
    canaries: tuple[Canary, ...] = ()

    def value(self, kind: str, name: str) -> Any:
        """The newest value of one field, None when it was never written."""
        return self.latest.get(kind, {}).get(name)


class RunFollower:
    """Follows a run from its last offset and folds what is new into the next view."""

    def __init__(self, run: RunFolder) -> None:
        """Start at the beginning of the run's log."""
        self._run = run
        self._reader = EventReader(run.events)
        self._series: dict[str, SeriesBuilder] = defaultdict(SeriesBuilder)
        self._latest: dict[str, Event] = {}
        self._notices: deque[Event] = deque(maxlen=_NOTICES)
        self._snapshots: dict[str, Series] = {}
        self._canaries: dict[str, Canary] = {}

    def poll(self) -> RunView:
        """Read what is new and return the view of now."""
        touched: set[str] = set()
        for event in self._reader.read():
            touched |= self._fold(event)
        self._snapshots |= {name: self._series[name].snapshot() for name in touched}
        return RunView(
            id=self._run.id,
            status=self._run.status(),
            series=dict(self._snapshots),
            latest=dict(self._latest),
            notices=tuple(self._notices),
            canaries=tuple(self._canaries.values()),
        )

    def _fold(self, event: Event) -> set[str]:
        kind = event["kind"]
        if (step := event.get("resumed_from")) is not None:
            self._rewind(step)
        self._latest[kind] = event
        if kind in ("notice", "error", "phase", "checkpoint"):
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
