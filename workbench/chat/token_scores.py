"""Token scores of this chat's answers, requested once per answer and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Collection

    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import TokenScore, TokenScores


class TokenScoreCache:
    """Scores by exchange and lane.

    Attributes:
        pending: The exchange that is being scored.
    """

    def __init__(self) -> None:
        self._scores: WeakKeyDictionary[Exchange, dict[str, tuple[TokenScore, ...]]]
        self._scores = WeakKeyDictionary()
        self.pending: Exchange | None = None

    def of(self, exchange: Exchange, lane: str) -> tuple[TokenScore, ...] | None:
        """The scores of a lane's answer; None before they were requested."""
        return self._scores.get(exchange, {}).get(lane)

    def add(self, exchange: Exchange, lane: str, scores: TokenScores) -> None:
        """Keep the engine's reply."""
        self._scores.setdefault(exchange, {})[lane] = scores.scores

    def missing(self, exchange: Exchange, open_lanes: Collection[str]) -> list[str]:
        """The lanes whose answers can be scored and were not yet."""
        return [
            lane
            for lane, done in exchange.answers.items()
            if lane in open_lanes and done.token_ids and self.of(exchange, lane) is None
        ]
