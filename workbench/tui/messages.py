"""Messages from workers to screens, and from screens to the app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.evaluation.report import Report
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder
    from workbench.runs.run_index import RunIndex, RunRow, RunSnapshot
    from workbench.runs.view import RunView
    from workbench.tui.forms import FormGroup
    from workbench.tui.run_bands import BandReading


@dataclass
class RunsListed(Message):
    """All runs as they are now, and the index to read them with the next time."""

    rows: tuple[RunRow, ...]
    index: RunIndex


@dataclass
class EndRequested(Message):
    """The workbench has to end: it was told to, or its terminal is gone."""


@dataclass
class BandsRead(Message):
    """What every screen shows first of some runs, by id."""

    readings: dict[str, BandReading]


@dataclass
class MachineSummaryRead(Message):
    """One line about this machine."""

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
    """The outcome of a run action, to be shown on whatever screen the user is on by then."""

    text: str
    succeeded: bool = True


@dataclass
class QueuedAgain(Message):
    """Runs were queued again whose workers died, as in a reboot, while they were queued."""

    runs: list[RunFolder]


@dataclass
class RunViewUpdated(Message):
    """A newer view of the run on the live screen."""

    view: RunView
    snapshot: RunSnapshot
    log_tail: str


@dataclass
class RecipeRead(Message):
    """The recipe of the run on the live screen."""

    recipe: Recipe


@dataclass
class RunReportRead(Message):
    """The report of the run on the live screen, just written."""

    report: Report


@dataclass
class OpenRun(Message):
    """The user wants the live view of ``run``."""

    run: RunFolder


@dataclass
class OpenChat(Message):
    """The user wants to chat with ``run``; ``question`` is put into the prompt."""

    run: RunFolder
    question: str = ""


@dataclass
class OpenForm(Message):
    """The user wants the form filled with the recipe of ``run``, with ``field=value`` changes."""

    run: RunFolder
    changes: tuple[str, ...]


@dataclass
class OpenReport(Message):
    """The user wants the report of ``run``."""

    run: RunFolder
