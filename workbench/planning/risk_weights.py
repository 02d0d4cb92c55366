"""What weighs how much in the risk of forgetting, and how well that was found to order runs.

Every number is a start value: chosen from what is published and from common practice, not fitted,
and no promise. One point is meant as a factor of ten in the KL to base.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pydantic import BaseModel, ConfigDict

from workbench.core import locations
from workbench.recipe.recipe import PROTECTIONS, STRATEGIES
from workbench.retention.base import Relief


class Weights(BaseModel):
    """Points of each thing that raises or lowers the risk.

    Attributes:
        intensity: For each factor of ten in the training intensity: the learning rate summed over
            the steps, as a multiple of the highest usual rate.
        position: For each factor of ten by which the rate lies above the highest usual one, beyond
            what it does to the intensity; taken off below it.
        share: For each factor of ten between the trainable share and ``usual_share``.
        usual_share: Trainable share of a usual adapter.
        narrowness: For data that says one thing only, against data as varied as general text.
        strategies: By kind, the ``risk_points`` of each strategy that has any. Soft prompts forget
            much while attached and OSF little in PEFT's method comparison.
        reliefs: By kind, the ``relief`` of each protection that has one.
        other_relief: For a protection that has none.
        unknown_rate: Stands for the highest usual rate where none is known.
        medium: From here on the risk is called medium.
        high: From here on it is called high.
    """

    model_config = ConfigDict(frozen=True)

    intensity: float = 0.5
    position: float = 0.7
    share: float = 0.15
    usual_share: float = 0.01
    narrowness: float = 0.7
    strategies: Mapping[str, float] = {
        kind: strategy.risk_points for kind, strategy in STRATEGIES.items() if strategy.risk_points
    }
    reliefs: Mapping[str, Relief] = {
        kind: protection.relief for kind, protection in PROTECTIONS.items() if protection.relief
    }
    other_relief: float = 0.1
    unknown_rate: float = 1e-3
    medium: float = 0.8
    high: float = 1.5


WEIGHTS = Weights()


class CheckedRun(BaseModel):
    """One run of the check: what was said before it and what was measured after it.

    Attributes:
        name: What was changed.
        score: Of the risk.
        kl_to_base: Mean over the tokens of held-out general answers, nats.
        domain_leak: Rise of the share of general answers with the task's boilerplate; None where
            the data has none.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    level: str
    score: float
    kl_to_base: float
    domain_leak: float | None


class RiskCheck(BaseModel):
    """How well the score orders runs of the demo, as the benchmark printed it.

    Attributes:
        model: The base model.
        machine: What they ran on.
        steps: Of each run.
        kl_correlation: Spearman's rank correlation of the score with the KL to base; None where all
            runs are alike.
        leak_correlation: The same with the domain leak.
        weights: Those that were checked: others are unchecked.
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
        """What stands beside the risk on screen."""
        return (
            f"rank correlation with measured KL {_told(self.kl_correlation)}, with domain leak "
            f"{_told(self.leak_correlation)}, over {len(self.runs)} demo runs"
        )


@cache
def checked() -> str:
    """How well today's weights order runs, in words; says so where nobody has checked them."""
    path = locations.presets() / "probes" / "risk_check.json"
    if path.is_file():
        check = RiskCheck.model_validate_json(path.read_text(encoding="utf-8"))
        if check.weights == WEIGHTS:
            return str(check)
    return "not yet checked against measured forgetting"


def _told(correlation: float | None) -> str:
    return "unknown" if correlation is None else f"{correlation:.2f}"
