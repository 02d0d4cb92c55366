"""Seeing the difference: the words that only one answer has, and where the two models part."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal
from weakref import WeakKeyDictionary

from textual import on, work
from textual.content import Content

from workbench.chat.surprise import SCALES, SURPRISE
from workbench.tui.chat import highlight
from workbench.tui.chat.choosing import Choosing
from workbench.tui.chat.labels import BASE
from workbench.tui.chat.messages import ExchangeCompleted
from workbench.tui.commands import command

if TYPE_CHECKING:
    from typing import Any

    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Weighed
    from workbench.chat.surprise import Scale

    View = Literal["plain", "differences", "surprise"]


class Sight(Choosing):
    """How the answers are shown: as Markdown, with their differences, or coloured by surprise.

    What the models think of each other's tokens is asked once for each exchange, when it is looked
    at.
    """

    BINDINGS: ClassVar = [
        command(
            "alt+d,d",
            "view('differences')",
            "Diff",
            "Mark the words that only one answer has.",
            footer=False,
        ),
        command(
            "alt+h,h",
            "view('surprise')",
            "Surprise",
            "Colour the tuned answer by how surprised the base is by each token, and the base's by "
            "how far the tuned model is from it: the place where they part lights up.",
            footer=False,
        ),
    ]

    view: View = "plain"
    """How the answers are shown."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Nothing is weighed yet."""
        super().__init__(*arguments, **options)
        self._weights: WeakKeyDictionary[Exchange, dict[str, Weighed]] = WeakKeyDictionary()
        self._weighing: Exchange | None = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        if action == "view":
            return True if self.view in parameters or self.comparable(self.target) else None
        return super().check_action(action, parameters)

    def action_view(self, view: View) -> None:
        """Show the answers in this way, or plainly again."""
        self.view = "plain" if self.view == view else view
        for exchange in self.session.exchanges:
            self.look(exchange)
        self._weigh_target()

    def _choose(self, exchange: Exchange | None) -> None:
        super()._choose(exchange)
        self._weigh_target()

    @on(ExchangeCompleted)
    def _look_at_completed(self, message: ExchangeCompleted) -> None:
        self.look(message.exchange)
        self._weigh_target()

    def look(self, exchange: Exchange) -> None:
        """Show an exchange the way answers are shown now."""
        for pane, block in self.blocks_of(exchange).items():
            block.show(self._content(exchange, self.lane_in(exchange, pane)))
        self.annotate(exchange)

    def notes_on(self, exchange: Exchange, lane: str) -> list[Content]:
        """Say where the models part, or that it is being found out."""
        notes = super().notes_on(exchange, lane)
        if self.view == "surprise" and lane in exchange.answers:
            if lane in self._weighed(exchange):
                notes.append(highlight.told(self._weighed(exchange)[lane].pieces, _scale(lane)))
            elif exchange is self._weighing:
                notes.append(Content("asking the other model about each token …"))
        return notes

    def comparable(self, exchange: Exchange | None) -> bool:
        """Whether the base and another lane have answered."""
        return exchange is not None and BASE in exchange.answers and len(exchange.answers) > 1

    def _weighed(self, exchange: Exchange) -> dict[str, Weighed]:
        return self._weights.setdefault(exchange, {})

    def _content(self, exchange: Exchange, lane: str) -> Content | None:
        if not self.comparable(exchange) or lane not in exchange.answers:
            return None
        if self.view == "differences":
            answer, other = exchange.answers[lane], exchange.answers[_other(exchange, lane)]
            return highlight.differences(answer.text, other.text)
        if self.view == "surprise" and lane in self._weighed(exchange):
            return highlight.weighed(self._weighed(exchange)[lane].pieces, _scale(lane))
        return None

    def _weigh_target(self) -> None:
        target = self.target
        if self.view == "surprise" and target and self.comparable(target) and self.can_weigh():
            self._weigh(target)

    def can_weigh(self) -> bool:
        """Whether the engine can be asked about tokens, and the user may know."""
        return self.engine in ("ready", "answering")

    @work(exclusive=True, group="weigh")
    async def _weigh(self, exchange: Exchange) -> None:
        """Ask each model about the other's tokens, where that was not asked before."""
        before, self._weighing = self._weighing, exchange
        for each in filter(None, (before, exchange)):
            self.annotate(each)
        open_lanes = [lane for lane in exchange.answers if lane in self.session.names]
        for lane in open_lanes:
            if lane in self._weighed(exchange) or not exchange.answers[lane].token_ids:
                continue
            weighed = await self.weigh(exchange, lane, _other(exchange, lane))
            if weighed is None:
                break
            self._weighed(exchange)[lane] = weighed
            self.look(exchange)
        self._weighing = None
        self.annotate(exchange)


def _scale(lane: str) -> Scale:
    return SCALES.get(lane, SURPRISE)


def _other(exchange: Exchange, lane: str) -> str:
    """Whom an answer is compared with: the base, and the base itself with the first other lane."""
    return BASE if lane != BASE else next(name for name in exchange.answers if name != BASE)
