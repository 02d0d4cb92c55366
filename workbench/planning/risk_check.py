"""How well the risk of forgetting ranks runs, as ``tests/benchmarks/risk.py`` measured it."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict

from workbench.core import locations


class CheckedRun(BaseModel):
    """One run of the check: the risk before it and the forgetting measured after it.

    Attributes:
        name: What was changed in the recipe.
        level: Level of the risk.
        score: Score of the risk.
        relative_rate: Learning rate over the highest usual one for its strategy.
        kl_to_base: Mean over the tokens of held-out general answers, nats per token.
        domain_leak: Increase in the share of general answers with the task's boilerplate; None
            where it was not measured or the data has none.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    level: str
    score: float
    relative_rate: float
    kl_to_base: float
    domain_leak: float | None = None


class RiskCheck(BaseModel):
    """How well the score ranks runs of the demo; all correlations are Spearman's.

    Attributes:
        model: The base model.
        machine: What the runs were trained on.
        kl_correlation: Of score and KL to base.
        left_out_correlation: The same where each score is from factors fitted to all other runs.
        rate_correlation: Of relative learning rate and KL to base, the baseline.
        leak_correlation: Of score and domain leak.
        rate_leak_correlation: Of relative learning rate and domain leak.
        runs: The runs.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    machine: str
    kl_correlation: float
    left_out_correlation: float
    rate_correlation: float
    leak_correlation: float
    rate_leak_correlation: float
    runs: tuple[CheckedRun, ...]

    def __str__(self) -> str:
        return (
            f"rank correlation with measured KL {self.kl_correlation:.2f} over the "
            f"{len(self.runs)} demo runs that it was fitted to "
            f"({self.left_out_correlation:.2f} when left out), learning rate alone "
            f"{self.rate_correlation:.2f}"
        )


@cache
def ranking_quality() -> str:
    """How well the score ranks runs, beside the learning rate alone, in words."""
    path = locations.presets() / "probes" / "risk_check.json"
    return str(RiskCheck.model_validate_json(path.read_text(encoding="utf-8")))
