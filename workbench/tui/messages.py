"""What workers and screens tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.evaluation.report import Report
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView
    from workbench.tui.forms import FormGroup
    from workbench.tui.run_index import RunRow


@dataclass
class RunsListed(Message):
    """The list of runs as it is now."""

    rows: tuple[RunRow, ...]


@dataclass
class MachineSummaryRead(Message):
    """One line on what this machine is."""

    summary: str


@dataclass
class FormReady(Message):
    """The recipe's fields and the presets were read."""

    groups: list[FormGroup]
    presets: dict[str, Recipe]


@dataclass
class Launched(Message):
    """The worker of ``run`` was started; ``caution`` says what would end it at logout."""

    run: RunFolder
    caution: str = ""


@dataclass
class ActionResult(Message):
    """What came of something that was asked of a run, whatever the user looks at by then."""

    text: str
    good: bool = True


@dataclass
class QueuedAgain(Message):
    """Runs whose workers were lost while they waited wait again."""

    runs: list[RunFolder]


@dataclass
class RunViewUpdated(Message):
    """A newer view of the run being watched."""

    view: RunView


@dataclass
class RecipeRead(Message):
    """The recipe of the run being watched."""

    recipe: Recipe


@dataclass
class RunReportRead(Message):
    """The report of the run being watched, just written."""

    report: Report


@dataclass
class OpenRun(Message):
    """The user wants the live view of a run."""

    run: RunFolder


@dataclass
class OpenChat(Message):
    """The user wants to chat with a run; ``question`` stands ready in the prompt."""

    run: RunFolder
    question: str = ""


@dataclass
class OpenReport(Message):
    """The user wants to read what a run learned and forgot."""

    run: RunFolder
