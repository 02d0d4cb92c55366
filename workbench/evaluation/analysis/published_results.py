"""Published results of others, to set one's own runs against."""

from __future__ import annotations

import yaml
from pydantic import BaseModel, ConfigDict

from workbench.core import locations


class _Published(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PriorRow(_Published):
    """One published run; score 0 to 1, change of the loss on general text in nats per token."""

    name: str
    score: float
    delta_nll: float


class Prior(_Published):
    """A published table.

    Attributes:
        setting: Model, data and seeds: not those of the user's runs.
        score: What the scores are of.
        delta_nll: What the losses are of.
    """

    title: str
    source: str
    setting: str
    score: str
    delta_nll: str
    rows: tuple[PriorRow, ...]

    @property
    def caution(self) -> str:
        """What must be said wherever the rows are shown."""
        return f"{self.title}: {self.setting}; another model and another task than yours"


def shipped_prior() -> Prior:
    """PEFT's own benchmark of its methods."""
    path = locations.presets() / "probes" / "priors.yaml"
    return Prior.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
