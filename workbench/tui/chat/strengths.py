"""How strong a tuned lane answers, and what a sweep has found at each strength."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.events import DescendantFocus

from workbench.chat.session import STEP
from workbench.core.errors import FtwbError
from workbench.evaluation.interpolation_curve import read_curve
from workbench.tui.chat.base import ChatBase
from workbench.tui.chat.messages import ChatOpened
from workbench.tui.commands import command
from workbench.tui.widgets.chat.lane import LanePane
from workbench.tui.widgets.chat.strength import StrengthCurveView

_WEAKER, _STRONGER = f"strength({-STEP})", f"strength({STEP})"


class Strengths(ChatBase):
    """The slider of each lane that has one."""

    BINDINGS: ClassVar = [
        command(
            "f6",
            _WEAKER,
            "Weaker",
            "Move the tuned lane towards the base.",
            footer=False,
            priority=True,
        ),
        command(
            "f7",
            _STRONGER,
            "Stronger",
            "Move the tuned lane away from the base.",
            footer=False,
            priority=True,
        ),
        Binding("left_square_bracket", _WEAKER, show=False),
        Binding("right_square_bracket", _STRONGER, show=False),
    ]

    _marked: str | None = None
    """The lane that the user went to last."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        if action == "strength":
            return True if self.strength_lane() else None
        return super().check_action(action, parameters)

    def strength_lane(self) -> str | None:
        """The lane that the user went to last, else the first, of those with a slider."""
        sliders = [lane.name for lane in self.session.lanes if lane.scalable]
        return self._marked if self._marked in sliders else next(iter(sliders), None)

    @on(DescendantFocus)
    def _mark(self) -> None:
        if isinstance(self.focused, LanePane):
            self._marked = self.focused.lane
            self.reflect()

    @on(ChatOpened)
    def _read_curve(self) -> None:
        """Show what the last sweep of the run has found, if there was one."""
        try:
            curve = read_curve(self.session.run)
        except FtwbError:  # not swept, or by another version: there is nothing to show
            return
        self.query_one(StrengthCurveView).show(curve)
        self._reflect_strength()

    def action_strength(self, by: float) -> None:
        """Make the lane weaker or stronger, from its next answer on."""
        name = self.strength_lane()
        if name is None:
            return
        self.session.turn(name, by)
        self.reflect()
        self._reflect_strength()

    def _reflect_strength(self) -> None:
        if name := self.strength_lane():
            self.query_one(StrengthCurveView).mark(self.session.lane(name).strength)
