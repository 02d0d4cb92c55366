"""report.json: what was measured before and after, item by item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.errors import NotFoundError
from workbench.runs import files

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder


class TargetItem(BaseModel):
    """One held-out row: the label a right answer contains, and the answer that came."""

    model_config = ConfigDict(frozen=True)

    prompt: str
    label: str
    answer: str

    @property
    def right(self) -> bool:
        """Whether the answer contains the label, whatever the case."""
        return self.label.casefold() in self.answer.casefold()


class Measurement(BaseModel):
    """What one model did: the same questions before and after.

    ``heldout_nll`` is in nats per labelled token; None without held-out rows.
    """

    model_config = ConfigDict(frozen=True)

    heldout_nll: float | None = None
    target: tuple[TargetItem, ...] = ()
    answers: tuple[str, ...] = ()

    @property
    def target_score(self) -> float | None:
        """Share of held-out rows whose answer contains the label, 0 to 1."""
        if not self.target:
            return None
        return sum(item.right for item in self.target) / len(self.target)


class Report(BaseModel):
    """Before and after, side by side."""

    model_config = ConfigDict(frozen=True)

    prompts: tuple[str, ...]
    before: Measurement
    after: Measurement

    def save(self, path: Path) -> None:
        """Replace ``path`` in one step."""
        files.replace(path, self.model_dump_json(indent=1))


def read_report(run: RunFolder) -> Report:
    """The report of a finished run.

    Raises:
        NotFoundError: The run has none (yet).
    """
    if not run.report.is_file():
        raise NotFoundError(f"{run.id} has no report: it is {run.status().state}")
    return Report.model_validate_json(run.report.read_text(encoding="utf-8"))
