"""Token scores are requested once per answer."""

from __future__ import annotations

from tests.chat.scripted_client import done, token_scores
from workbench.chat.dialogue import Exchange
from workbench.chat.token_scores import TokenScoreCache


def test_only_open_lanes_with_tokens_and_without_scores_are_missing() -> None:
    cache = TokenScoreCache()
    silent = done("tuned-2", "").model_copy(update={"token_ids": ()})
    answers = {"base": done("base", "B"), "tuned": done("tuned", "T"), "tuned-2": silent}
    exchange = Exchange("why", {}, answers={**answers, "tuned-3": done("tuned-3", "closed")})
    open_lanes = list(answers)
    assert cache.missing(exchange, open_lanes) == ["base", "tuned"]
    cache.add(exchange, "base", token_scores(("B", 4.0)))
    assert cache.missing(exchange, open_lanes) == ["tuned"]
    scores = cache.of(exchange, "base")
    assert scores is not None
    assert scores[0].surprise == 4.0
    assert cache.of(exchange, "tuned") is None
    assert cache.of(Exchange("other", {}), "base") is None
