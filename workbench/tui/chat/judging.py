"""Judging by hand: what was kept, lost or improved, and what is to be tested from now on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from textual import work

from workbench.chat.annotations import Annotation, add_annotation
from workbench.chat.titles import LANES
from workbench.core.errors import FtwbError
from workbench.evaluation.suites.user_suite import NEW_TOKENS
from workbench.tui.chat import highlight
from workbench.tui.chat.choosing import Choosing
from workbench.tui.chat.labels import BASE
from workbench.tui.commands import command
from workbench.tui.screens.new_probe import NewProbeScreen

if TYPE_CHECKING:
    from typing import Any

    from textual.content import Content

    from workbench.chat.annotations import Judgement
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done


class Judging(Choosing):
    """A key for each verdict on the tuned answer, and one that makes the question a probe."""

    BINDINGS: ClassVar = [
        command(
            "alt+k,k",
            "mark('kept')",
            "Kept",
            "The tuned answer is as good as the base's.",
            footer=False,
        ),
        command(
            "alt+l,l",
            "mark('lost')",
            "Lost",
            "The tuned answer is worse than the base's.",
            footer=False,
        ),
        command(
            "alt+i,i", "mark('improved')", "Improved", "It is better than the base's.", footer=False
        ),
        command(
            "alt+t,t",
            "to_suite",
            "To suite",
            "Ask this in every run from now on: right is what the base said.",
            footer=False,
        ),
    ]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Nothing is judged yet."""
        super().__init__(*arguments, **options)
        self._marks: WeakKeyDictionary[Exchange, Annotation] = WeakKeyDictionary()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        target = self.target
        match action:
            case "mark":
                return True if target and target.answers.keys() >= set(LANES) else None
            case "to_suite":
                return True if target and BASE in target.answers else None
            case _:
                return super().check_action(action, parameters)

    async def action_mark(self, verdict: Judgement) -> None:
        """Judge the tuned answer, or take the same verdict back."""
        if target := self.target:
            given = self._marks.get(target)
            self.judge(target, None if given and given.mark == verdict else verdict)

    def judge(self, exchange: Exchange, verdict: Judgement | None, *, blind: bool = False) -> None:
        """Keep what was judged, and show it at the exchange."""
        known = self._marks.get(exchange)
        mark = Annotation(
            exchange=known.exchange if known else uuid4().hex,
            time=time.time(),
            mark=verdict,
            prompt=exchange.prompt,
            system=exchange.settings.system,
            answers={lane: done.text for lane, done in _in_order(exchange).items()},
            blind=blind,
            strengths=dict(exchange.strengths),
            sampling=exchange.settings.sampling,
        )
        try:
            add_annotation(self.session.run, mark)
        except FtwbError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._marks[exchange] = mark
        self.annotate(exchange)

    def notes_on(self, exchange: Exchange, lane: str) -> list[Content]:
        """Say how the tuned answer was judged."""
        notes, mark = super().notes_on(exchange, lane), self._marks.get(exchange)
        if mark and mark.mark and lane == LANES[1]:
            notes.insert(0, highlight.marked(mark.mark, blind=mark.blind))
        return notes

    @work
    async def action_to_suite(self) -> None:
        """Take the question over into the user's suite."""
        if exchange := self.target:
            answers = {lane: _heard(done) for lane, done in _in_order(exchange).items()}
            alone = len(exchange.conversations[BASE]) == 1
            added = await self.app.push_screen_wait(
                NewProbeScreen(exchange.prompt, answers, alone=alone)
            )
            if added:
                self.notify(f"Asked in every run from now on: mine/{added}", markup=False)


def _in_order(exchange: Exchange) -> dict[str, Done]:
    """The answers in the order of the lanes, not in that in which they came."""
    return {
        lane: exchange.answers[lane] for lane in exchange.conversations if lane in exchange.answers
    }


def _heard(done: Done) -> str:
    """About as much of a long answer as a suite, which asks for fewer tokens, would hear."""
    share = min(1.0, NEW_TOKENS / max(1, done.tokens))
    return done.text[: int(share * len(done.text))]
