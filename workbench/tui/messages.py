"""What workers and screens tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView
    from workbench.tui.run_list import RunRow


@dataclass
class RunsListed(Message):
    """The list of runs as it is now."""

    rows: tuple[RunRow, ...]


@dataclass
class BoxRead(Message):
    """One line on what this machine is."""

    summary: str


@dataclass
class RunMoved(Message):
    """A newer view of the run being watched."""

    view: RunView


@dataclass
class OpenRun(Message):
    """The user wants the live view of a run."""

    run: RunFolder


@dataclass
class OpenChat(Message):
    """The user wants to chat with a run."""

    run: RunFolder
