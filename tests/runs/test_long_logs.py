"""A long log is read in chunks, newest values first, and gives the same view as line by line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.recipe.recipe import Recipe
from workbench.runs import view as views
from workbench.runs.arrow_events import read_columns
from workbench.runs.events import EventLog
from workbench.runs.series import SeriesBuilder
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder, Runs
    from workbench.runs.view import RunView

NAN = math.nan


@given(
    values=st.lists(st.integers(-1000, 1000), max_size=200),
    cuts=st.lists(st.integers(0, 60), max_size=12),
)
def test_many_at_once_are_the_same_as_one_by_one(values: list[int], cuts: list[int]) -> None:
    one_by_one, at_once = SeriesBuilder(most=8), SeriesBuilder(most=8)
    for step, value in enumerate(values):
        one_by_one.add(step, value)
    start = 0
    for end in [*np.cumsum(cuts).tolist(), len(values)]:
        part = slice(start, min(end, len(values)))
        at_once.extend(np.arange(len(values))[part], np.array(values)[part])
        start = max(start, part.stop)
    assert at_once.snapshot() == one_by_one.snapshot()


@pytest.fixture
def long_run(runs: Runs) -> RunFolder:
    """Some hundred steps with everything that a log may contain, including a spike."""
    run = runs.create(Recipe())
    log = EventLog(run.events)
    log.append("phase", 0, name="loading", detail="x", done=1, total=2)
    for step in range(600):
        loss = NAN if step == 70 else 1e6 if step == 300 else 1 + step / 1000
        log.append("train", step, loss=loss, tokens=step * 8, note="words", on=True)
        if step % 50 == 0:
            log.append("eval", step, loss=2.0 - step / 1000)
            log.append("canary", step, name="why?", value=f"answer {step}")
        if step == 444:
            log.append("checkpoint", step, path="checkpoints/step-444")
    log.close()
    return run


def damage(run: RunFolder) -> None:
    with run.events.open("ab") as stream:
        stream.write(b'{"t": 1, "step": 5, "ki\nno event\n\n[1]\n{"kind": 3, "step": 1}\n')
        stream.write(b'{"t": 2, "step": 600, "kind": "train", "loss": 7.0, "tokens": "many"}\n')


def resume(run: RunFolder) -> None:
    log = EventLog(run.events)
    log.append("notice", 500, level="info", text="resumed from step 500", resumed_from=500)
    for step in range(501, 560):
        log.append("train", step, loss=2.0, tokens=step * 8)
    log.close()


def polled(run: RunFolder, monkeypatch: pytest.MonkeyPatch, many: int) -> RunView:
    monkeypatch.setattr(views, "_MANY_LINES", many)
    return RunFollower(run).poll()


def test_a_resumed_log_by_column_continues_from_the_resumed_step(
    long_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    resume(long_run)
    points = polled(long_run, monkeypatch, 1).series["train.loss"].points(10**6)
    assert [point.step for point in points[-70:]] == list(range(490, 560))
    assert [point.mean for point in points[-60:]] == [1.5, *[2.0] * 59]


@pytest.mark.parametrize("then", [None, damage, resume])
def test_a_view_by_column_is_the_view_by_line(
    long_run: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    then: Callable[[RunFolder], None] | None,
) -> None:
    if then:
        then(long_run)
    by_line = polled(long_run, monkeypatch, 10**9)
    by_column = polled(long_run, monkeypatch, 1)
    assert by_column.series.keys() == by_line.series.keys()
    assert set(by_line.series) == {"train.loss", "train.tokens", "eval.loss"}
    for name, curve in by_line.series.items():
        other = by_column.series[name]
        assert other.last == curve.last
        assert [(b.step, b.values, b.low, b.high) for b in other.buckets] == [
            (b.step, b.values, b.low, b.high) for b in curve.buckets
        ]
    assert (by_column.latest, by_column.notices, by_column.canaries) == (
        by_line.latest,
        by_line.notices,
        by_line.canaries,
    )


def test_only_an_intact_log_is_read_by_column(long_run: RunFolder) -> None:
    text = long_run.events.read_bytes()
    sound = read_columns(text, len(text.splitlines()))
    assert sound is not None
    assert {part.kind: len(part.lines) for part in sound} == {
        "phase": 1,
        "train": 600,
        "notice": 1,
        "eval": 12,
        "canary": 12,
        "checkpoint": 1,
    }
    damage(long_run)
    text = long_run.events.read_bytes()
    assert read_columns(text, len(text.splitlines())) is None


@pytest.fixture
def small_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "_PREVIEW_BYTES", 2000)
    monkeypatch.setattr(views, "_MANY_LINES", 20)


@pytest.mark.usefixtures("small_glance")
def test_newest_values_come_first_and_the_curve_piece_by_piece(long_run: RunFolder) -> None:
    most = 5000
    follower = RunFollower(long_run)
    first = follower.poll(most)
    assert first.value("train", "loss") == pytest.approx(1.599)
    assert first.series == {}
    assert first.unread == 1
    seen = [first]
    while seen[-1].unread:
        seen.append(follower.poll(most))
        newest = seen[-1].series["train.loss"]
        assert newest.last == pytest.approx(1.599)
        assert seen[-1].value("train", "loss") == pytest.approx(1.599)
    shares = [view.unread for view in seen]
    assert shares == sorted(shares, reverse=True)
    assert len(seen) <= long_run.events.stat().st_size // (most - 200) + 2
    whole = RunFollower(long_run).poll()
    assert follower.poll(most) == whole
    assert max(point.high for point in whole.series["train.loss"].points(10)) == 1e6


@pytest.mark.usefixtures("small_glance")
def test_an_incomplete_line_does_not_keep_a_view_waiting(long_run: RunFolder) -> None:
    with long_run.events.open("ab") as stream:
        stream.write(b'{"t": 1, "step": 9, "kind": "train", "note": "' + b"x" * 3000)
    follower = RunFollower(long_run)
    seen = [follower.poll(5000) for _ in range(40)]
    assert seen[-1].unread == 0
    assert seen[-1].value("train", "loss") == pytest.approx(1.599)


def test_no_piece_is_larger_than_asked_but_for_one_long_line(long_run: RunFolder) -> None:
    reader = RunFollower(long_run)._reader
    with long_run.events.open("ab") as stream:
        stream.write(b'{"t": 1, "step": 9, "kind": "notice", "text": "' + b"x" * 9000 + b'"}\n')
    pieces = []
    while lines := reader.lines(4000):
        pieces.append(sum(map(len, lines)))
    assert sum(pieces) == long_run.events.stat().st_size
    assert sorted(pieces)[-2] <= 4000 < max(pieces)


def test_a_quiet_log_is_not_opened(long_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = RunFollower(long_run)
    view = follower.poll()
    opened: list[Path] = []
    original = Path.open

    def spy(self: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(self)
        return original(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", spy)
    assert follower.poll() == view
    assert long_run.events not in opened
