"""The event log has complete lines; views are bounded and hide no spike."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from workbench.recipe.recipe import Recipe
from workbench.runs.events import EventLog, EventReader, newest_lines, parse_event
from workbench.runs.series import SeriesBuilder
from workbench.runs.view import Canary, RunFollower

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from workbench.runs.folder import Runs


def test_a_reader_sees_only_what_is_new(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    reader = EventReader(tmp_path / "events.jsonl")
    log.append("train", 1, loss=2.0)
    assert [event["loss"] for event in reader.read()] == [2.0]
    log.append("train", 2, loss=1.0)
    assert [event["loss"] for event in reader.read()] == [1.0]
    assert list(reader.read()) == []


def test_an_incomplete_last_line_waits_and_a_new_writer_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append("train", 1, loss=2.0)
    with path.open("ab") as stream:
        stream.write(b'{"t": 1, "step": 2, "ki')
    reader = EventReader(path)
    assert [event["step"] for event in reader.read()] == [1]
    EventLog(path).append("train", 3, loss=1.0)
    assert [event["step"] for event in reader.read()] == [3]


def test_a_long_log_is_opened_by_its_last_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append("train", 1, loss=2.0)
    with path.open("ab") as stream:
        stream.write(b'{"torn')

    def refuse(_path: Path) -> bytes:
        raise AssertionError("the whole log was read")

    with monkeypatch.context() as patched:
        patched.setattr(type(path), "read_bytes", refuse)
        log = EventLog(path)
    log.append("train", 2, loss=1.0)
    assert [event["step"] for event in EventReader(path).read()] == [1, 2]
    assert b'{"torn\n{' in path.read_bytes()


def test_a_reader_may_start_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append("train", 1, loss=2.0)
    reader = EventReader(path, at_end=True)
    assert list(reader.read()) == []
    log.append("train", 2, loss=1.0)
    assert [event["step"] for event in reader.read()] == [2]


def test_the_newest_lines_are_complete_whatever_separators_their_texts_contain(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.jsonl"
    assert newest_lines(path, 100) == []
    log = EventLog(path)
    for step in range(20):
        log.append("notice", step, text="one\u2028two\x85three")
    with path.open("ab") as stream:
        stream.write(b'{"t": 1, "step": 20, "ki')
    events = [parse_event(line) for line in newest_lines(path, 400)]
    assert 0 < len(events) < 20
    assert [event and event["step"] for event in events] == list(range(20 - len(events), 20))
    assert len(newest_lines(path, 10**6)) == 20


def test_nan_is_written_as_null_with_a_notice(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append("train", 1, loss=math.nan, learning_rate=0.1)
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first["loss"] is None
    assert first["learning_rate"] == 0.1
    assert (second["kind"], second["text"]) == ("notice", "train: loss is not finite")


def test_a_view_folds_events_into_series_and_notices(runs: Runs) -> None:
    run = runs.create(Recipe())
    follower, log = RunFollower(run), EventLog(run.events)
    assert follower.poll().series == {}
    log.append("train", 1, loss=2.0)
    log.append("train", 2, loss=None)
    log.append("train", 3, loss=1.5)
    log.append("notice", 3, level="info", text="hello")
    view = follower.poll()
    assert [(point.step, point.mean) for point in view.series["train.loss"].points(10)] == [
        (1, 2.0),
        (3, 1.5),
    ]
    assert view.value("train", "loss") == 1.5
    assert view.value("eval", "loss") is None
    assert [event["text"] for event in view.notices] == ["hello"]


def test_a_view_keeps_the_first_and_the_newest_answer_of_each_canary(runs: Runs) -> None:
    run = runs.create(Recipe())
    follower, log = RunFollower(run), EventLog(run.events)
    for step in (0, 100, 200):
        log.append("canary", step, name="why?", value=f"answer {step}")
    log.append("canary", 200, name="who?", value="me")
    assert follower.poll().canaries == (
        Canary("why?", "answer 0", 0, "answer 200", 200),
        Canary("who?", "me", 200, "me", 200),
    )


def test_a_view_does_not_change_under_the_screen(runs: Runs) -> None:
    run = runs.create(Recipe())
    follower, log = RunFollower(run), EventLog(run.events)
    log.append("train", 1, loss=2.0)
    before = follower.poll()
    log.append("train", 2, loss=1.0)
    follower.poll()
    assert len(before.series["train.loss"].points(10)) == 1


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), columns=st.integers(1, 60))
def test_no_spike_is_hidden_at_any_width(values: list[float], columns: int) -> None:
    builder = SeriesBuilder()
    for step, value in enumerate(values):
        builder.add(step, value)
    points = builder.snapshot().points(columns)
    assert len(points) <= columns
    assert min(point.low for point in points) == min(values)
    assert max(point.high for point in points) == max(values)


def test_a_long_series_stays_small_and_keeps_its_mean() -> None:
    builder = SeriesBuilder()
    for step in range(100_000):
        builder.add(step, float(step))
    snapshot = builder.snapshot()
    assert len(snapshot.buckets) <= 2048
    assert sum(bucket.values for bucket in snapshot.buckets) == 100_000
    assert math.isclose(sum(bucket.total for bucket in snapshot.buckets), sum(range(100_000)))
    assert snapshot.last == 99_999


def test_measurements_that_a_resumed_run_repeats_are_dropped(runs: Runs) -> None:
    run = runs.create(Recipe())
    log = EventLog(run.events)
    for step in range(1, 6):
        log.append("train", step, loss=float(step))
    log.append("eval", 4, loss=9.0)
    log.append("eval", 5, loss=8.0)
    for step in (2, 4):
        log.append("canary", step, name="why?", value=f"answer {step}")
    log.append("canary", 5, name="who?", value="me")
    follower = RunFollower(run)
    assert follower.poll().value("train", "loss") == 5.0
    log.append("notice", 3, level="info", text="resumed from step 3", resumed_from=3)
    view = follower.poll()
    assert [point.step for point in view.series["train.loss"].points(10)] == [1, 2, 3]
    assert view.series["train.loss"].last == 3.0
    assert view.series["eval.loss"].points(10) == []
    assert view.value("eval", "loss") is None
    assert view.canaries == (Canary("why?", "answer 2", 2, "answer 2", 2),)
    log.append("train", 4, loss=4.5)
    assert follower.poll() == RunFollower(run).poll()
    assert follower.poll().series["train.loss"].last == 4.5
