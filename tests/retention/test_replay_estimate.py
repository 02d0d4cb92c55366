"""The tokens that replay adds to a run, estimated before it and counted after it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError
from workbench.data.rendering import Rendered
from workbench.planning.estimate import estimate
from workbench.recipe.recipe import PROTECTIONS
from workbench.retention.replay import ReplayProtection

if TYPE_CHECKING:
    from pathlib import Path


def row(questions: int, answers: int) -> Rendered:
    return Rendered([1] * (questions + answers), [-100] * questions + [1] * answers, False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"share": 0.5, "answers": "dataset"}, 100 * (1 + 30 / 50)),
        ({"share": 0.2, "answers": "dataset"}, 25 * (1 + 30 / 50)),
        ({"share": 0.5, "answers": "self", "max_new_tokens": 20}, 100 * (1 + 30 / 30)),
        ({"share": 0.0}, 0),
    ],
)
def test_questions_are_read_for_every_learned_token(fields, expected: float) -> None:
    replay = PROTECTIONS["replay"](**fields)
    assert isinstance(replay, ReplayProtection)
    assert replay.replayed_tokens(100, [row(10, 10), row(20, 40)]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("answers", ["dataset", "self"])
def test_the_estimate_is_near_what_a_run_reads(trained, general: Path, answers: str) -> None:
    replay = (
        f"retention.replay.source={general}",
        f"retention.replay.answers={answers}",
        "retention.replay.max_new_tokens=10",
        "retention.replay.share=0.4",
    )
    run, view = trained("training.max_steps=30", *replay)
    assert view.status.state == "finished", view.status.reason
    planned = estimate(run.recipe())
    assert planned.tokens == pytest.approx(view.value("train", "tokens"), rel=0.1)
    assert 0.2 * planned.tokens < planned.replayed < 0.6 * planned.tokens
    plain = estimate(run.recipe().model_copy(update={"retention": type(run.recipe().retention)()}))
    assert (plain.replayed, plain.tokens) == (0, planned.tokens - planned.replayed)


def test_general_rows_that_teach_nothing_are_refused(new_run, tmp_path: Path) -> None:
    long = tmp_path / "long.jsonl"
    long.write_text(json.dumps({"question": "why " * 100, "answer": "Because."}) + "\n")
    with pytest.raises(BadInputError, match=r"long\.jsonl: no general row has a token to learn"):
        estimate(new_run(f"retention.replay.source={long}").recipe())
