"""What the compare screen shows at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.evaluation.analysis.comparison import Comparison, ComparisonRow, RetentionMetric
    from workbench.evaluation.analysis.published_results import PublishedTable
    from workbench.runs.run_index import RunRow
    from workbench.runs.series import Series
    from workbench.tui.comparison_reader import ComparedRuns
    from workbench.tui.run_bands import RunBand


@dataclass(frozen=True)
class ComparisonView:
    """One frozen snapshot of the compare screen.

    Attributes:
        rows: The runs that can be compared.
        selected: Ids of the runs to compare, in order.
        compared: What was read of them; None before the first reading.
        keeping: What the plane has on its retention axis.
        prior: Published results to show, if any.
    """

    rows: tuple[RunRow, ...] = ()
    selected: tuple[str, ...] = ()
    compared: ComparedRuns | None = None
    keeping: RetentionMetric = "retention_index"
    prior: PublishedTable | None = None

    @property
    def comparison(self) -> Comparison | None:
        """The runs that have a report, side by side."""
        return self.compared.comparison if self.compared else None

    @property
    def runs(self) -> dict[str, ComparisonRow]:
        """The runs of the comparison, by id."""
        return {run.run: run for run in self.comparison.runs} if self.comparison else {}

    @property
    def bands(self) -> dict[str, RunBand]:
        """The bands of these runs, by id."""
        return self.compared.bands if self.compared else {}

    @property
    def losses(self) -> dict[str, Series]:
        """The training losses of the selected runs, by id."""
        return self.compared.losses if self.compared else {}

    @property
    def places(self) -> dict[str, int]:
        """The place, and so the letter, of each run: those with a report come first."""
        return {run: place for place, run in enumerate(dict.fromkeys([*self.runs, *self.losses]))}
