"""The five modes of the workbench: their tabs, their keys, and their first screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen


@dataclass(frozen=True)
class Mode:
    """One tab of the top bar.

    Attributes:
        name: Textual's name of the mode.
        title: The text of the tab, and the label of the command.
        keys: Comma-separated; the first is shown.
        help: One sentence for the help screen and the palette.
        screen: Creates the first screen of the mode.
    """

    name: str
    title: str
    keys: str
    help: str
    screen: Callable[[], Screen[Any]]


# Screens are imported when they are first shown, so that the first paint comes sooner.


def _new_run() -> Screen[Any]:
    from workbench.tui.screens.new_run import NewRunScreen

    return NewRunScreen()


def _runs() -> Screen[Any]:
    from workbench.tui.screens.runs import RunsScreen

    return RunsScreen()


def _chat() -> Screen[Any]:
    from workbench.tui.screens.pick_run import PickRunScreen

    return PickRunScreen()


def _report() -> Screen[Any]:
    from workbench.tui.screens.pick_run import PickReportScreen

    return PickReportScreen()


def _compare() -> Screen[Any]:
    from workbench.tui.screens.compare import CompareScreen

    return CompareScreen()


WORKBENCH_MODES = (
    Mode("new", "New run", "1,f2", "Fill in a recipe and launch it.", _new_run),
    Mode("runs", "Runs", "2,f3", "List all runs, live and past.", _runs),
    Mode("chat", "Chat", "3,f4", "Ask base and tuned model at once.", _chat),
    Mode("report", "Report", "4,f9", "Read what a run learned and forgot.", _report),
    Mode("compare", "Compare", "5,f12", "Compare runs.", _compare),
)
