"""What the screens of runs share: the run actions, for the run that is selected or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.reactive import var

from workbench.tui.run_actions import RUN_ACTIONS
from workbench.tui.screens.base import WorkbenchScreen

if TYPE_CHECKING:
    from workbench.runs.run_index import RunSnapshot


class RunScreen(WorkbenchScreen):
    """A screen on which every run action works, for the run that is selected or shown there.

    Attributes:
        OMITTED_ACTIONS: Ids of the actions it does not offer, because they lead to this very
            screen or have a key of their own on it.
    """

    BINDINGS: ClassVar = [action.binding() for action in RUN_ACTIONS]
    OMITTED_ACTIONS: ClassVar[frozenset[str]] = frozenset()

    selected_run: var[RunSnapshot | None] = var(None)
    """The run that actions apply to, as it was last read."""
    applicable_actions: var[frozenset[str]] = var(frozenset(), bindings=True)
    """Ids of the actions that apply to it; a change redraws the footer."""

    def watch_selected_run(self, snapshot: RunSnapshot | None) -> None:
        """Ask the table again what applies."""
        self.applicable_actions = frozenset(
            action.id for action in RUN_ACTIONS if snapshot and action.applies(snapshot)
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey a run action that does not apply (None), and hide an omitted one (False)."""
        if action != "run_action":
            return super().check_action(action, parameters)
        (name,) = parameters
        if name in self.OMITTED_ACTIONS:
            return False
        return True if name in self.applicable_actions else None

    def action_run_action(self, name: str) -> None:
        """Do what the table says."""
        if self.selected_run:
            handlers = {action.id: action.handle for action in RUN_ACTIONS}
            handlers[name](self, self.selected_run.run)
