"""The clock that counts training time only."""

from __future__ import annotations

import time

import pytest

from workbench.training.callbacks.session import TrainingClock


class Now:
    """A monotonic clock that is moved by hand."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    clock = Now()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def test_pauses_are_not_counted_however_deep(now: Now) -> None:
    clock = TrainingClock()
    clock.start()
    now.seconds += 3
    with clock.paused():
        now.seconds += 50
        with clock.paused():
            now.seconds += 50
        now.seconds += 50
        assert clock.seconds == 3
    now.seconds += 4
    assert clock.seconds == 7


def test_a_pause_that_fails_ends(now: Now) -> None:
    clock = TrainingClock()
    clock.start()
    with pytest.raises(OSError, match="disk"), clock.paused():
        raise OSError("disk")
    now.seconds += 2
    assert clock.seconds == 2


def test_a_clock_that_was_not_started_does_not_start_after_a_pause(now: Now) -> None:
    clock = TrainingClock()
    with clock.paused():
        now.seconds += 1
    now.seconds += 1
    assert clock.seconds == 0


def test_a_resumed_run_counts_on(now: Now) -> None:
    before, after = TrainingClock(), TrainingClock()
    before.start()
    now.seconds += 5
    after.load_state_dict(before.state_dict())
    after.start()
    now.seconds += 6
    assert after.seconds == 11
