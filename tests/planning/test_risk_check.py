"""How well the risk ranks runs, stated only for the weights that were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scipy.stats import spearmanr

from workbench.core import locations
from workbench.planning import risk_check
from workbench.planning.risk import WEIGHTS
from workbench.planning.risk_check import CheckedRun, RiskCheck, ranking_quality
from workbench.retention.base import Relief

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    ranking_quality.cache_clear()
    yield
    ranking_quality.cache_clear()


@pytest.fixture
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of presets."""
    (tmp_path / "probes").mkdir()
    monkeypatch.setattr(locations, "presets", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def check() -> RiskCheck:
    runs = tuple(
        CheckedRun(name=str(n), level="low", score=n, kl_to_base=n / 2, domain_leak=None)
        for n in range(12)
    )
    return RiskCheck(
        model="demo",
        machine="x",
        steps=12,
        kl_correlation=0.8333,
        leak_correlation=None,
        weights=WEIGHTS,
        runs=runs,
    )


@pytest.mark.usefixtures("presets")
def test_nothing_is_claimed_without_a_measurement() -> None:
    assert ranking_quality() == "not yet checked against measured forgetting"


def test_the_correlation_is_stated_with_its_number_of_runs(presets: Path, check: RiskCheck) -> None:
    (presets / "probes" / "risk_check.json").write_text(check.model_dump_json())
    assert ranking_quality() == (
        "rank correlation with measured KL 0.83, with domain leak unknown, over 12 demo runs"
    )


def test_a_measurement_says_nothing_about_other_weights(
    presets: Path, check: RiskCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    (presets / "probes" / "risk_check.json").write_text(check.model_dump_json())
    changed = WEIGHTS.model_copy(
        update={"reliefs": {**WEIGHTS.reliefs, "replay": Relief(most=0.71)}}
    )
    monkeypatch.setattr(risk_check, "WEIGHTS", changed)
    assert ranking_quality() == "not yet checked against measured forgetting"


def test_the_shipped_correlations_are_those_of_its_runs() -> None:
    path = locations.presets() / "probes" / "risk_check.json"
    if not path.is_file():
        pytest.skip("no check is shipped")
    shipped = RiskCheck.model_validate_json(path.read_text())
    assert len(shipped.runs) >= 12
    scores = [run.score for run in shipped.runs]
    correlation = spearmanr(scores, [run.kl_to_base for run in shipped.runs]).statistic
    assert shipped.kl_correlation == pytest.approx(correlation)
    leaked = [run for run in shipped.runs if run.domain_leak is not None]
    correlation = spearmanr([r.score for r in leaked], [r.domain_leak for r in leaked]).statistic
    assert shipped.leak_correlation == pytest.approx(correlation)
