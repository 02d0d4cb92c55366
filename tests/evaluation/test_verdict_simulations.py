"""How often verdicts are right where the truth is known; the benchmark ``verdict`` has more."""

from __future__ import annotations

import pytest

from tests.evaluation.simulated_runs import (
    AnySize,
    World,
    loss_everywhere,
    no_loss,
    shares,
    suite_shapes,
)
from workbench.evaluation.analysis.margins import MARGINS

FULL = sum(len(shape.sizes) for shape in suite_shapes())


@pytest.mark.parametrize(("size", "least"), [("standard", 0.8), ("full", 0.95), ("auto", 0.95)])
def test_a_run_that_lost_nothing_passes(size: AnySize, least: float) -> None:
    verdicts, asked = shares(no_loss(churn=0.05), size, runs=60)
    assert verdicts["PASS"] >= least
    assert verdicts["FAIL"] == 0
    if size == "auto":
        assert asked <= FULL / 2


@pytest.mark.dtype
@pytest.mark.slow
@pytest.mark.parametrize("alike", [0.0, 0.3])
@pytest.mark.parametrize("size", ["quick", "standard", "auto"])
def test_chance_alone_seldom_fails_a_run(size: AnySize, alike: float) -> None:
    assert shares(no_loss(churn=0.2, alike=alike), size, runs=50)[0]["FAIL"] <= 0.05


@pytest.mark.parametrize("size", ["standard", "full", "auto"])
def test_a_loss_of_twice_the_margin_fails(size: AnySize) -> None:
    assert shares(loss_everywhere(2 * MARGINS[size]), size, runs=40)[0]["FAIL"] >= 0.9


@pytest.mark.parametrize(
    ("size", "suite"),
    [("standard", "safety_harmful"), ("auto", "safety_harmful"), ("auto", "formats")],
)
def test_the_loss_of_one_capability_fails(size: AnySize, suite: str) -> None:
    assert shares(World(0.05, {suite: 0.3}), size, runs=40)[0]["FAIL"] >= 0.9


@pytest.mark.parametrize("size", ["standard", "auto"])
def test_a_loss_of_the_margin_seldom_passes(size: AnySize) -> None:
    lost = World(0.05, {"safety_harmless": 0.15})
    assert shares(lost, size, runs=60)[0]["PASS"] <= 0.05
