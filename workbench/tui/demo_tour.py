"""The demo inside the workbench: watch its runs, then chat with the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.runs.run_index import RunRow


@dataclass(frozen=True)
class DemoTour:
    """The runs of a demo, and the question to ask at its end.

    Attributes:
        first: Id of the first run; older runs do not belong to the demo.
        names: Names of the recipes, in order.
        question: Put into the chat's prompt, ready to send.
    """

    first: str
    names: tuple[str, ...]
    question: str

    def is_finished(self, rows: Iterable[RunRow]) -> bool:
        """Whether each recipe of the demo has a finished run."""
        finished = {
            row.name for row in rows if row.run.id >= self.first and row.status.state == "finished"
        }
        return finished.issuperset(self.names)
