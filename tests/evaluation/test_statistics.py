"""Formulas against tables worked out by hand, against scipy and statsmodels, and in simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest, bootstrap
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.retention_index import retention_index
from workbench.evaluation.analysis.statistics import PairedScores

counts = some.integers(min_value=0, max_value=60)


def pairs(kept: int = 0, lost: int = 0, gained: int = 0, never: int = 0) -> PairedScores:
    before = [1.0] * (kept + lost) + [0.0] * (gained + never)
    after = [1.0] * kept + [0.0] * lost + [1.0] * gained + [0.0] * never
    return PairedScores(tuple(before), tuple(after))


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 * 1/2
        (5, 0, 2 / 32),
        (6, 0, 2 / 64),
        (4, 1, 2 * (1 + 5) / 32),
        (3, 3, 1.0),  # 2 * 42/64 is cut at 1
        (8, 2, 2 * (1 + 10 + 45) / 1024),
    ],
)
def test_mcnemar_by_hand(lost, gained, p):
    assert statistics.mcnemar(lost, gained) == p
    assert statistics.mcnemar(gained, lost) == p


@given(counts, counts)
def test_mcnemar_is_the_exact_test_of_scipy_and_statsmodels(lost, gained):
    p = statistics.mcnemar(lost, gained)
    table = [[10, lost], [gained, 10]]
    assert p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, abs=1e-12)
    if lost + gained:
        assert p == pytest.approx(binomtest(lost, lost + gained).pvalue, abs=1e-12)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (pairs(kept=10), 0.0),
        (pairs(kept=90, lost=5, gained=5), math.sqrt(10) / 100),
        (pairs(never=70, lost=20, gained=10), math.sqrt(29) / 100),  # 30 - 100/100
        (pairs(lost=10), 0.0),
        (PairedScores((0.5, 0.5), (0.25, 0.75)), math.sqrt(2 / 16) / 2),
    ],
)
def test_standard_error_by_hand(given, error):
    assert statistics.standard_error(given) == pytest.approx(error)


@given(counts, counts, counts)
def test_standard_error_is_the_formula_of_paired_proportions(lost, gained, same):
    n = lost + gained + same + 1
    seen = pairs(kept=same + 1, lost=lost, gained=gained)
    expected = math.sqrt(lost + gained - (lost - gained) ** 2 / n) / n
    assert statistics.standard_error(seen) == pytest.approx(expected)
    assert statistics.standard_error(seen) == pytest.approx(np.std(seen.changes) / math.sqrt(n))


def tango_by_brute_force(lost: int, gained: int, n: int) -> tuple[float, float]:
    """The score interval from numerically constrained maximum likelihood, not from its formula."""

    def statistic(shift: float) -> float:
        edges = max(0.0, -shift) + 1e-12, (1 - shift) / 2 - 1e-12

        def unlikely(loss_rate: float) -> float:
            rates = loss_rate, loss_rate + shift, 1 - 2 * loss_rate - shift
            seen = lost, gained, n - lost - gained
            return -sum(k * math.log(max(r, 1e-300)) for k, r in zip(seen, rates, strict=True) if k)

        loss_rate = minimize_scalar(
            unlikely, bounds=edges, method="bounded", options={"xatol": 1e-13}
        ).x
        variance = (2 * loss_rate + shift - shift**2) / n
        return ((gained - lost) / n - shift) / math.sqrt(variance)

    change = (gained - lost) / n
    low = brentq(lambda shift: statistic(shift) - 1.959964, -1 + 1e-9, change - 1e-6)
    high = brentq(lambda shift: statistic(shift) + 1.959964, change + 1e-6, 1 - 1e-9)
    return low, high


@pytest.mark.parametrize(
    ("lost", "gained", "n"),
    [(7, 1, 21), (2, 12, 50), (20, 40, 160), (3, 0, 12), (1, 1, 24), (30, 5, 60)],
)
def test_score_interval_is_the_one_of_constrained_maximum_likelihood(lost, gained, n):
    expected = tango_by_brute_force(lost, gained, n)
    assert statistics.score_interval(lost, gained, n) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("n", [1, 5, 12, 24, 100, 1000])
def test_the_score_interval_has_width_if_nothing_changed(n):
    end = statistics.Z**2 / (n + statistics.Z**2)
    assert statistics.score_interval(0, 0, n) == pytest.approx((-end, end))


def test_score_interval_at_its_ends():
    assert statistics.score_interval(12, 0, 12)[0] == pytest.approx(-1)
    assert statistics.score_interval(0, 12, 12)[1] == pytest.approx(1)


@given(counts, counts, counts)
def test_score_interval_is_symmetric_and_holds_the_change(lost, gained, same):
    n = lost + gained + same + 1
    low, high = statistics.score_interval(lost, gained, n)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert statistics.score_interval(gained, lost, n) == pytest.approx((-high, -low), abs=1e-9)


def test_score_interval_of_many_items_is_the_wald_interval():
    change, error = -0.02, statistics.standard_error(pairs(kept=9_000, lost=600, gained=400))
    low, high = statistics.score_interval(600, 400, 10_000)
    assert low == pytest.approx(change - statistics.Z * error, abs=2e-4)
    assert high == pytest.approx(change + statistics.Z * error, abs=2e-4)


RATES = [(0.02, 0.02), (0.05, 0.0), (0.1, 0.05), (0.2, 0.05), (0.2, 0.2), (0.4, 0.05)]


def coverage(n: int, lost: float, gained: float) -> tuple[float, float]:
    """How often the score and the Wald interval cover the true change; 2,000 tables."""
    tables = np.random.default_rng(n).multinomial(n, [lost, gained, 1 - lost - gained], 2000)
    held, plain = 0, 0
    kinds, times = np.unique(tables[:, :2], axis=0, return_counts=True)
    for (seen_lost, seen_gained), count in zip(kinds.tolist(), times.tolist(), strict=True):
        low, high = statistics.score_interval(seen_lost, seen_gained, n)
        held += count * (low <= gained - lost <= high)
        off = abs((seen_gained - seen_lost) / n - (gained - lost))
        reach = (
            statistics.Z
            * math.sqrt(seen_lost + seen_gained - (seen_lost - seen_gained) ** 2 / n)
            / n
        )
        plain += count * (off <= reach)
    return held / 2000, plain / 2000


@pytest.mark.parametrize("n", [12, 24, 60, 120, 260])
@pytest.mark.parametrize(("lost", "gained"), RATES)
def test_the_score_interval_covers_the_truth(n, lost, gained):
    assert coverage(n, lost, gained)[0] >= 0.93  # it is asymptotic, and these are 2,000 tables


def test_the_wald_interval_would_not():
    assert coverage(12, 0.05, 0.0)[1] < 0.6


@pytest.mark.parametrize("n", [12, 60, 260])
def test_a_loss_of_the_margin_seldom_passes_and_no_loss_seldom_fails(n):
    random = np.random.default_rng(n)

    def verdicts(lost: float, gained: float) -> list[str]:
        tables = random.multinomial(n, [lost, gained, 1 - lost - gained], 1000).tolist()
        intervals = [
            (gain - loss, statistics.score_interval(loss, gain, n)) for loss, gain, _ in tables
        ]
        return [statistics.non_inferiority(net / n, *ends, 0.1) for net, ends in intervals]

    assert verdicts(0.15, 0.05).count("PASS") <= 1000 * 0.04
    assert verdicts(0.1, 0.1).count("FAIL") <= 1000 * 0.04


def test_the_bootstrap_of_a_mean_agrees_with_scipy():
    values = np.random.default_rng(3).gamma(2.0, 0.05, 64)
    theirs = bootstrap((values,), np.mean, method="percentile", rng=1).confidence_interval
    low, high = statistics.bootstrap_interval(values.tolist())
    assert (low, high) == pytest.approx((theirs.low, theirs.high), rel=0.03)
    assert (low, high) == statistics.bootstrap_interval(values.tolist())


def test_the_bootstrap_weighs_sequences_by_their_tokens():
    low, high = statistics.bootstrap_interval([0.0] * 8 + [1.0] * 8, [1.0] * 8 + [1e-9] * 8)
    assert (low, high) == pytest.approx((0, 0), abs=1e-6)
    assert statistics.bootstrap_interval([0.3] * 5, [1, 2, 3, 4, 5]) == pytest.approx((0.3, 0.3))


def test_the_bootstrap_covers_the_mean_of_skewed_values():
    random = np.random.default_rng(11)
    held = 0
    for _ in range(300):
        low, high = statistics.bootstrap_interval(random.gamma(2.0, 0.05, 48).tolist())
        held += low <= 0.1 <= high
    assert held / 300 >= 0.9


def test_graded_scores_are_bootstrapped():
    graded = PairedScores((0.5, 0.6, 0.7, 0.8), (0.4, 0.6, 0.5, 0.3))
    assert statistics.change_interval(graded) == statistics.bootstrap_interval(graded.changes)
    assert (graded.lost, graded.gained) == (3, 0)
    same = PairedScores((0.5, 0.6), (0.5, 0.6))
    assert statistics.change_interval(same) == statistics.score_interval(0, 0, 2)
    binary = pairs(kept=5, lost=3, gained=1, never=2)
    assert statistics.change_interval(binary) == statistics.score_interval(3, 1, 11)


@pytest.mark.dtype
@pytest.mark.slow
@pytest.mark.parametrize("count", range(1, 13))
def test_holm_is_the_one_of_statsmodels(count):
    p_values = (np.random.default_rng(count).random(count) ** 3).round(2).tolist()  # with ties
    assert statistics.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_by_hand():
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([]) == []


@pytest.mark.parametrize(
    ("score", "options", "known"),
    [(1.0, 4, 1.0), (0.25, 4, 0.0), (0.1, 4, 0.0), (0.625, 4, 0.5), (0.5, 2, 0.0), (0.75, 2, 0.5)],
)
def test_chance_corrected_is_accuracy_without_lucky_guesses(score, options, known):
    lucky = (1 - score) / (options - 1)
    assert statistics.chance_corrected(score, 1 / options) == pytest.approx(known)
    assert statistics.chance_corrected(score, 1 / options) == pytest.approx(max(0, score - lucky))


def test_where_any_guess_is_right_nothing_is_known():
    assert statistics.chance_corrected(1.0, 1.0) == 0


def test_retention_index_by_hand():
    halved = PairedScores((1.0,) * 8, (1.0,) * 4 + (0.0,) * 4)
    guessed = PairedScores((1.0,) * 8, (1.0,) * 2 + (0.0,) * 6, chance=0.25)
    better = pairs(kept=4, gained=4)
    assert retention_index([halved])[0] == pytest.approx(0.5)
    assert retention_index([guessed])[0] == pytest.approx(0.0)
    assert retention_index([better])[0] == pytest.approx(2.0)  # not clipped
    value, low, high = retention_index([halved, guessed, better])
    assert value == pytest.approx(2.5 / 3)
    assert low < value < high


def test_the_index_of_a_few_kept_items_has_width():
    few, many = (retention_index([pairs(kept=n, never=n)]) for n in (6, 300))
    assert few[0] == many[0] == 1
    assert few[1] < 0.9
    assert many[1] > 0.98


def test_retention_index_covers_the_truth():
    random = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        lost = int(random.binomial(30, 0.2))
        _, low, high = retention_index([pairs(kept=30 - lost, lost=lost, never=10)])
        held += low <= 0.8 <= high
    assert held / 200 >= 0.92


@pytest.mark.parametrize(
    ("given", "smallest"),
    [
        (pairs(kept=80, lost=12, gained=8), 2.8 * math.sqrt(0.2 / 100)),
        (pairs(kept=400, lost=50, gained=50), 2.8 * math.sqrt(0.2 / 500)),
        (pairs(kept=12), 2.8 * math.sqrt(1 / 12 / 12)),  # as if one had changed
        (pairs(lost=3), 1.0),
    ],
)
def test_smallest_detectable_effect_by_hand(given, smallest):
    assert statistics.smallest_detectable(given) == pytest.approx(smallest, rel=2e-3)


@pytest.mark.parametrize(
    ("change", "variance", "needed"),
    [
        (0.0, 0.2, 628),  # 7.849 * .2 / .05^2
        (-0.02, 0.2, 1745),  # 7.849 * .2 / .03^2
        (0.05, 0.2, 200),  # 157, but 100 did not decide
        (-0.10, 0.2, 200),  # max(7.849 * .2 / .1^2 = 157, .708 * .2 / .05^2 = 57)
        (-0.06, 0.2, 1417),  # .708 * .2 / .01^2
        (-0.055, 0.2, 5667),  # .708 * .2 / .005^2
        (-0.05, 0.2, 0),
        (-0.0501, 0.2, 0),  # millions
        (-0.0499, 0.2, 0),
    ],
)
def test_items_needed_by_hand(change, variance, needed):
    assert statistics.items_needed(100, change, 0.05, variance) == pytest.approx(needed, abs=1)


@pytest.mark.parametrize(
    ("change", "low", "high", "state"),
    [
        (-0.02, -0.09, 0.05, "PASS"),
        (0.3, 0.1, 0.5, "PASS"),
        (-0.05, -0.1, 0.0, "INCONCLUSIVE"),  # the margin itself is not excluded
        (-0.2, -0.3, -0.1, "FAIL"),
        (-0.1, -0.19, -0.01, "FAIL"),
        (-0.2, -0.45, 0.05, "INCONCLUSIVE"),
        (-0.06, -0.11, -0.01, "INCONCLUSIVE"),  # a loss for certain, but within the margin
        (0.0, -0.24, 0.24, "INCONCLUSIVE"),
    ],
)
def test_verdicts_of_non_inferiority(change, low, high, state):
    assert statistics.non_inferiority(change, low, high, 0.1) == state
