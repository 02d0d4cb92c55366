"""Published results to compare one's own runs with."""

from __future__ import annotations

import yaml
from pydantic import BaseModel, ConfigDict

from workbench.core import locations


class _Published(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublishedRow(_Published):
    """One published run; score 0 to 1, change of the loss on general text in nats per token."""

    name: str
    score: float
    delta_nll: float


class PublishedTable(_Published):
    """A published table of results.

    Attributes:
        setting: Model, data and seeds, which are not those of the user's runs.
        score: What the scores measure.
        delta_nll: What the losses measure.
    """

    title: str
    source: str
    setting: str
    score: str
    delta_nll: str
    rows: tuple[PublishedRow, ...]

    @property
    def caution(self) -> str:
        """The caveat to show wherever the rows are shown."""
        return f"{self.title}: {self.setting}; another model and another task than yours"


def published_table() -> PublishedTable:
    """PEFT's own benchmark of its methods."""
    path = locations.presets() / "probes" / "priors.yaml"
    return PublishedTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
