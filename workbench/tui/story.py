"""The demo inside the workbench: watch the chapters, then chat with the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.tui.run_index import RunRow


@dataclass(frozen=True)
class Story:
    """Which runs belong to the story, and what is asked at its end.

    Attributes:
        first: Id of the first chapter's run; older runs do not count.
        chapters: Names of the recipes, in order.
        question: Put into the chat's prompt, ready to send.
    """

    first: str
    chapters: tuple[str, ...]
    question: str

    def is_over(self, rows: Iterable[RunRow]) -> bool:
        """Whether every chapter has a finished run."""
        finished = {
            row.name for row in rows if row.run.id >= self.first and row.status.state == "finished"
        }
        return finished.issuperset(self.chapters)
