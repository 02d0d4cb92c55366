"""How well the risk ranks runs: the shipped figures are those of the present formula."""

from __future__ import annotations

import pytest
from scipy.stats import spearmanr

from tests.benchmarks import risk as benchmark
from workbench.core import locations
from workbench.planning import risk
from workbench.planning.risk_check import RiskCheck, ranking_quality
from workbench.recipe.recipe import PROTECTIONS, STRATEGIES


@pytest.fixture(scope="module")
def shipped() -> RiskCheck:
    path = locations.presets() / "probes" / "risk_check.json"
    return RiskCheck.model_validate_json(path.read_text())


@pytest.fixture(scope="module")
def features(shipped: RiskCheck) -> list[benchmark.Features]:
    return [benchmark.Features.of(run.name) for run in shipped.runs]


def test_it_is_stated_beside_the_learning_rate_alone(shipped: RiskCheck) -> None:
    assert ranking_quality() == str(shipped)
    assert str(shipped).startswith(
        f"rank correlation with measured KL {shipped.kl_correlation:.2f} over the 24 demo runs"
    )
    assert str(shipped).endswith(f"learning rate alone {shipped.rate_correlation:.2f}")


def test_the_scores_are_those_of_the_present_formula(shipped: RiskCheck) -> None:
    for run in shipped.runs:
        again = benchmark.scored(run.name, run.kl_to_base, run.domain_leak)
        assert again.score == pytest.approx(run.score), run.name
        assert (again.level, again.relative_rate) == (run.level, run.relative_rate)


def test_the_correlations_are_those_of_the_runs(
    shipped: RiskCheck, features: list[benchmark.Features]
) -> None:
    kls = [run.kl_to_base for run in shipped.runs]
    correlation = spearmanr([run.score for run in shipped.runs], kls).statistic
    assert shipped.kl_correlation == pytest.approx(correlation)
    baseline = spearmanr([run.relative_rate for run in shipped.runs], kls).statistic
    assert shipped.rate_correlation == pytest.approx(baseline)
    found = benchmark.correlations(shipped.runs, features)
    assert found == pytest.approx(shipped.model_dump(include=set(found)), abs=0.02)


def test_the_score_ranks_better_than_the_learning_rate_alone(shipped: RiskCheck) -> None:
    assert shipped.left_out_correlation > shipped.rate_correlation
    assert shipped.kl_correlation > shipped.rate_correlation


def test_the_factors_are_the_least_squares_of_the_runs(
    shipped: RiskCheck, features: list[benchmark.Features]
) -> None:
    found = benchmark.fitted(features, [run.kl_to_base for run in shipped.runs])
    assert pytest.approx(found.most_kl, rel=0.03) == risk.MOST_KL
    assert pytest.approx(found.half_steps, rel=0.03) == risk.HALF_STEPS
    assert pytest.approx(found.narrowness, rel=0.03) == risk.NARROWNESS
    full = STRATEGIES["full"].model_validate({"kind": "full"})
    for (kind, (field, usual)), relief in zip(benchmark.USUAL.items(), found.reliefs, strict=True):
        method = PROTECTIONS[kind].model_validate({field: usual})
        assert method.relief(full) == pytest.approx(relief, rel=0.03), kind
