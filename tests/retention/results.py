"""What tests read from a run that has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transformers import AutoModelForCausalLM

from workbench.runs.events import EventReader

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder


def events_of(run: RunFolder, kind: str) -> list[dict[str, float]]:
    return [event for event in EventReader(run.events).read() if event["kind"] == kind]


def distance(run: RunFolder, base: Path) -> float:
    """Squared distance of a full result from the base."""
    tuned = AutoModelForCausalLM.from_pretrained(run.model)
    start = AutoModelForCausalLM.from_pretrained(base)
    pairs = zip(tuned.parameters(), start.parameters(), strict=True)
    return sum(float((one - other).detach().square().sum()) for one, other in pairs)
