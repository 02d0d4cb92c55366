"""``ftwb estimate``: the size of a run and its risk, in words and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    Ftwb = Callable[..., Ended]


@pytest.fixture
def estimate(ftwb: Ftwb, tiny_model: Path, rows: Path) -> Callable[..., Ended]:
    def call(*more: str) -> Ended:
        sets = [f"model.id={tiny_model}", f"data.train={rows}", "training.learning_rate=1e-2"]
        overrides = [word for setting in sets for word in ("--set", setting)]
        return ftwb("estimate", "full", *overrides, *more)

    return call


def test_the_risk_comes_with_its_reasons_and_what_would_lower_it(
    estimate: Callable[..., Ended],
) -> None:
    ended = estimate("--json")
    assert ended.code == 0, ended.err
    shown = json.loads(ended.out)
    risk = shown["risk"]
    assert risk["level"] == "high"
    assert risk["score"] == pytest.approx(sum(reason["points"] for reason in risk["reasons"]))
    assert "learning rate alone" in shown["risk_check"]
    (rate,) = [r for r in risk["reasons"] if "times the highest usual" in r["text"]]
    lowered = json.loads(estimate("--set", *rate["remedy"]["settings"], "--json").out)
    assert lowered["risk"]["score"] == pytest.approx(risk["score"] - rate["remedy"]["saves"])


def test_the_table_names_the_switches(estimate: Callable[..., Ended]) -> None:
    ended = estimate()
    assert ended.code == 0, ended.err
    assert "HIGH (KL to base about " in ended.out
    assert "x 0.39" in ended.out  # KL to base at a strength of 0.5
    assert "--set retention.replay.share=0.2" in ended.out


def test_large_multiples_have_no_exponents(estimate: Callable[..., Ended]) -> None:
    shown = json.loads(estimate("--set", "training.learning_rate=0.5", "--json").out)
    reasons = [f"{each['text']}: {each['detail']}" for each in shown["risk"]["reasons"]]
    assert any("times the highest usual" in words for words in reasons)
    assert not any("e+" in words for words in reasons)
