"""A forecast is made only for a steady climb."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.runs.series import Series, SeriesBuilder, forecast_step

if TYPE_CHECKING:
    from collections.abc import Iterable


def curve(values: Iterable[float]) -> Series:
    builder = SeriesBuilder()
    for step, value in enumerate(values):
        builder.add(step, value)
    return builder.snapshot()


def test_a_linear_climb_is_extrapolated_to_the_limit() -> None:
    assert forecast_step(curve(10 + 0.5 * step for step in range(100)), 100) == 180


def test_a_climb_over_noise_is_found_within_a_tenth() -> None:
    noisy = curve(20 + 0.05 * step + (step * 7919 % 13) / 13 for step in range(1000))
    assert forecast_step(noisy, 100) == pytest.approx(1600, rel=0.1)


def test_an_early_leap_does_not_count() -> None:
    leap_then_flat = curve(10.0 if step < 20 else 60.0 for step in range(200))
    assert forecast_step(leap_then_flat, 100) is None


@pytest.mark.parametrize(
    "values",
    [
        [5.0] * 100,
        [90 - step / 10 for step in range(100)],
        [50 + step / 1000 for step in range(100)],
        [10 + (step * 7919 % 13) for step in range(100)],
        [10.0] * 97 + [60.0] * 3,
        [1.0, 20.0, 40.0],
        [],
    ],
    ids=["flat", "falling", "creeping", "noise", "leap", "few", "none"],
)
def test_no_forecast_without_a_steady_climb(values: list[float]) -> None:
    assert forecast_step(curve(values), 100) is None


def test_many_readings_at_one_step_give_no_forecast() -> None:
    builder = SeriesBuilder()
    for value in range(100):
        builder.add(0, float(value))
    assert forecast_step(builder.snapshot(), 200) is None


def test_a_curve_past_the_limit_is_full_now() -> None:
    assert forecast_step(curve(float(step) for step in range(100)), 50) == 98
