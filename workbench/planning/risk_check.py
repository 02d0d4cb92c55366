"""How well the risk of forgetting ranks runs, as ``tests/benchmarks/risk.py`` measured it."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict

from workbench.core import locations
from workbench.planning.risk import WEIGHTS, Weights


class CheckedRun(BaseModel):
    """One run of the check: the risk before it and the forgetting measured after it.

    Attributes:
        name: What was changed in the recipe.
        level: Level of the risk.
        score: Score of the risk.
        kl_to_base: Mean over the tokens of held-out general answers, nats per token.
        domain_leak: Increase in the share of general answers with the task's boilerplate; None
            where the data has none.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    level: str
    score: float
    kl_to_base: float
    domain_leak: float | None


class RiskCheck(BaseModel):
    """How well the score ranks runs of the demo.

    Attributes:
        model: The base model.
        machine: What the runs were trained on.
        steps: Optimiser steps of each run.
        kl_correlation: Spearman's rank correlation of score and KL to base; None where all runs
            are equal.
        leak_correlation: Spearman's rank correlation of score and domain leak.
        weights: The weights that were checked; the check says nothing about others.
        runs: The runs.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    machine: str
    steps: int
    kl_correlation: float | None
    leak_correlation: float | None
    weights: Weights
    runs: tuple[CheckedRun, ...]

    def __str__(self) -> str:
        return (
            f"rank correlation with measured KL {_in_words(self.kl_correlation)}, with domain leak "
            f"{_in_words(self.leak_correlation)}, over {len(self.runs)} demo runs"
        )


@cache
def ranking_quality() -> str:
    """How well the present weights rank runs, in words, or that this was never measured."""
    path = locations.presets() / "probes" / "risk_check.json"
    if path.is_file():
        check = RiskCheck.model_validate_json(path.read_text(encoding="utf-8"))
        if check.weights == WEIGHTS:
            return str(check)
    return "not yet checked against measured forgetting"


def _in_words(correlation: float | None) -> str:
    return "unknown" if correlation is None else f"{correlation:.2f}"
