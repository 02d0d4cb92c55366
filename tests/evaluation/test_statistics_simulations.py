"""Formulas that decide verdicts, each against what happens in simulated runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.evaluation.analysis import sequential, statistics
from workbench.evaluation.analysis.pooled import pooled_change
from workbench.evaluation.analysis.retention_index import retention_index
from workbench.evaluation.analysis.statistics import PairedScores


def drawn(random, n, lost, gained, known=0.7, clusters=0, shared=0.0):
    """Items that change at these rates; a cluster shares its draw with this probability."""
    draw = random.random(n)
    names = tuple(str(place % clusters) for place in range(n)) if clusters else ()
    if clusters:
        together = random.random(clusters)[np.arange(n) % clusters]
        draw = np.where(random.random(n) < shared, together, draw)
    before = random.random(n) < known
    after = np.where(before, draw >= lost / known, draw > 1 - gained / (1 - known))
    return PairedScores(
        tuple(before.astype(float).tolist()), tuple(after.astype(float).tolist()), clusters=names
    )


@pytest.mark.parametrize(
    ("lost", "gained", "margin"),
    [(0.05, 0.05, 0.05), (0.07, 0.05, 0.05), (0.16, 0.04, 0.05), (0.12, 0.02, 0.08)],
)
def test_the_items_needed_decide_four_times_in_five(lost, gained, margin):
    change, variance = gained - lost, lost + gained - (gained - lost) ** 2
    n = statistics.items_needed(2, change, margin, variance)
    tables = np.random.default_rng(3).multinomial(n, [lost, gained, 1 - lost - gained], 500)
    right = "PASS" if change > -margin else "FAIL"
    verdicts = [
        statistics.non_inferiority(
            (gains - losses) / n, *statistics.score_interval(losses, gains, n), margin
        )
        for losses, gains, _ in tables.tolist()
    ]
    assert sum(verdict == right for verdict in verdicts) / 500 == pytest.approx(0.8, abs=0.07)


def test_what_only_holds_without_a_change_would_promise_too_much():
    """The number for a true change of 0 decides far less often for one of half the margin."""
    n = statistics.items_needed(2, 0.0, 0.05, 0.1)
    tables = np.random.default_rng(3).multinomial(n, [0.0625, 0.0375, 0.9], 500)
    lows = [statistics.score_interval(losses, gains, n)[0] for losses, gains, _ in tables.tolist()]
    passed = sum(low > -0.05 for low in lows)
    assert passed / 500 < 0.4
    assert statistics.items_needed(2, -0.025, 0.05, 0.1) > 3.9 * n


def test_the_index_is_not_biased_where_nothing_was_lost_and_its_interval_holds_one():
    random = np.random.default_rng(5)
    runs = [[drawn(random, n, 0.05, 0.05) for n in (60, 90, 120)] for _ in range(150)]
    indices = [retention_index(run) for run in runs]
    assert np.mean([value for value, _, _ in indices]) == pytest.approx(1, abs=0.01)
    assert np.mean([low <= 1 <= high for _, low, high in indices]) >= 0.92
    ratios = [[sum(pairs.after) / sum(pairs.before) for pairs in run] for run in runs]
    assert np.mean(np.minimum(ratios, 1)) < 0.985  # what clipping each capability would report


def test_the_index_resamples_clusters():
    random = np.random.default_rng(6)
    held, alone = 0, 0
    for _ in range(150):
        pairs = drawn(random, 120, 0.1, 0.1, clusters=20, shared=0.9)
        _, low, high = retention_index([pairs])
        held += low <= 1 <= high
        _, low, high = retention_index([PairedScores(pairs.before, pairs.after)])
        alone += low <= 1 <= high
    assert held / 150 >= 0.9
    assert alone < held


@pytest.mark.parametrize(("shared", "least"), [(0.0, 0.93), (0.6, 0.92), (0.9, 0.9)])
def test_the_interval_of_clusters_covers_the_truth(shared, least):
    """A little too narrow where twenty templates decide nearly everything."""
    random = np.random.default_rng(7)
    held = 0
    for _ in range(300):
        pairs = drawn(random, 120, 0.1, 0.1, clusters=20, shared=shared)
        low, high = statistics.change_interval(pairs)
        held += low <= 0 <= high
    assert held / 300 >= least


def test_the_pooled_interval_covers_the_truth_and_its_test_has_its_level():
    random = np.random.default_rng(8)
    held = rejected = 0
    for _ in range(300):
        suites = [
            drawn(random, 100, 0.05, 0.05),
            drawn(random, 60, 0.1, 0.1, clusters=10, shared=0.5),
            drawn(random, 150, 0.02, 0.02, known=0.5),
        ]
        pooled = pooled_change(suites, 0.95)
        held += pooled.low <= 0 <= pooled.high
        rejected += pooled.p <= 0.05
    assert held / 300 >= 0.93
    assert rejected / 300 <= 0.07


def test_the_pooled_change_by_hand():
    one = PairedScores((1.0,) * 10, (0.0,) * 2 + (1.0,) * 8)
    two = PairedScores((0.0,) * 30, (1.0,) * 3 + (0.0,) * 27)
    pooled = pooled_change([one, two], 0.95)
    assert pooled.n == 40
    assert pooled.change == pytest.approx(1 / 40)
    assert (pooled.low, pooled.high) == statistics.score_interval(2, 3, 40)
    assert pooled.p == 1


def test_the_probability_of_the_right_option_would_pass_true_losses_of_the_margin():
    """Why accuracy decides: an unsure base loses fewer points of probability than of accuracy."""
    random = np.random.default_rng(9)
    passes = {"accuracy": 0, "probability": 0}
    lost, runs, n, margin = [], 60, 200, 0.1
    for _ in range(runs):
        logits = random.normal(0, 1, (n, 4))
        logits[:, 0] += 1.2
        tuned = logits + random.normal(0, 0.07, (n, 4))
        tuned[:, 0] -= 0.315  # measured to cost ten points
        accuracy = [(side.argmax(1) == 0).astype(float) for side in (logits, tuned)]
        probability = [np.exp(side[:, 0]) / np.exp(side).sum(1) for side in (logits, tuned)]
        lost.append(float((accuracy[1] - accuracy[0]).mean()))
        for name, (before, after) in (("accuracy", accuracy), ("probability", probability)):
            pairs = PairedScores(tuple(before.tolist()), tuple(after.tolist()))
            passes[name] += statistics.change_interval(pairs)[0] > -margin
    assert np.mean(lost) == pytest.approx(-margin, abs=0.006)
    assert passes["accuracy"] / runs <= 0.05
    assert passes["probability"] / runs >= 0.9


def test_the_looks_share_the_error_rate():
    looks = len(sequential.LOOKS)
    spent = [1 - sequential.level(look, looks) for look in range(1, looks + 1)]
    assert math.fsum(spent) == pytest.approx(0.05)
    assert spent == sorted(spent)
    assert sequential.level(0, 0) == 0.95
    assert [1 - sequential.level(k, 5) for k in range(1, 6)] == pytest.approx([0.01] * 5)


def test_looking_repeatedly_keeps_the_error_rate():
    random = np.random.default_rng(10)
    once, repeated = 0, 0
    looks = len(sequential.LOOKS)
    for _ in range(600):
        changes = random.choice([-1, 0, 1], 400, p=[0.1, 0.8, 0.1])
        off = {0.95: False, 0.0: False}
        for look, share in enumerate(sequential.LOOKS, 1):
            seen = changes[: math.ceil(400 * share)]
            lost, gained, n = int((seen < 0).sum()), int((seen > 0).sum()), len(seen)
            for name, level in ((0.95, 0.95), (0.0, sequential.level(look, looks))):
                low, high = statistics.score_interval(lost, gained, n, level=level)
                off[name] |= not low <= 0 <= high
        once += off[0.95]
        repeated += off[0.0]
    assert once / 600 > 0.08
    assert repeated / 600 <= 0.06
