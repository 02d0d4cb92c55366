"""The size of an epoch, counted and guessed, and what a plan tells of rows that are lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError
from workbench.data import sampling
from workbench.planning.estimate import estimate
from workbench.planning.preflight import preflight
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.planning.plan import Plan
    from workbench.recipe.recipe import Recipe

MARKERS = len("user\n\nassistant\n\n") + 4


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Thirty rows of 30 bytes of answer each, with a field that the model never sees."""
    path = tmp_path / "rows.jsonl"
    write(path, [pair("Q", f"{n:030}", topic="t") for n in range(30)])
    return path


def pair(prompt: str, completion: str, **more: str) -> dict[str, str]:
    return {"prompt": prompt, "completion": completion, **more}


def write(path: Path, rows: list[dict[str, str]]) -> str:
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def recipe(model: Path, data: object, *settings: str) -> Recipe:
    values = yaml_io.override(
        {},
        [
            *(f"model.id={model}", f"data.train={data}", "data.heldout_share=0"),
            *("data.heldout=null", "evaluation.general_text=null", "training.num_train_epochs=1"),
            *("training.micro_batch_size=1", "training.gradient_accumulation_steps=1"),
            *settings,
        ],
    )
    return yaml_io.validate(values)


def notes(plan: Plan, source: Path) -> list[str]:
    return [note.removeprefix(f"{source}: ") for note in plan.notes if str(source) in note]


def test_a_plan_tells_what_the_model_never_sees(source: Path, tiny_model: Path) -> None:
    planned = recipe(tiny_model, source)
    assert notes(preflight(planned), source) == ["the model never sees topic"]
    plan = estimate(planned)
    assert notes(plan, source) == ["the model never sees topic"]
    assert (plan.rows, plan.steps) == (30, 30)
    assert plan.tokens == 30 * (MARKERS + 1 + 30)
    label = recipe(tiny_model, source, "evaluation.target_field=topic")
    assert notes(estimate(label), source) == []


def test_lost_rows_are_told_and_more_than_agreed_are_refused(
    source: Path, tiny_model: Path
) -> None:
    rows = [*(pair("Q", f"A{n}") for n in range(27)), pair("Q", ""), pair("q" * 90, "A")]
    write(source, [*rows, pair("Q", "b" * 90)])
    short = ("training.sequence_length=64", "data.max_dropped=0.07")
    told = notes(estimate(recipe(tiny_model, source, *short)), source)
    assert told == [
        "1 of 30 rows dropped: line 28: blank",
        (
            "1 of 29 rows dropped: line 29: no token to learn within 64 tokens "
            "(training.sequence_length)"
        ),
        "1 of 29 rows cut at 64 tokens (training.sequence_length): line 30",
    ]
    with pytest.raises(BadInputError, match=r"2 of 30 rows \(6.7 %\) would be dropped"):
        estimate(recipe(tiny_model, source, short[0], "data.max_dropped=0.06"))


def test_texts_are_counted_in_pieces(tmp_path: Path, tiny_model: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("x" * 999)
    planned = recipe(tiny_model, path, "training.sequence_length=100")
    assert estimate(planned).rows == 10
    assert preflight(planned).rows == 3  # four characters a token are usual, not one
    assert any("guessed from characters" in note for note in preflight(planned).notes)
    overlapping = recipe(tiny_model, path, "training.sequence_length=100", "data.text_overlap=10")
    assert estimate(overlapping).rows == 11


def test_large_datasets_are_estimated_from_a_sample(
    source: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "MOST_ROWS", 10)
    monkeypatch.setattr(sampling, "_LEAST_ROWS", 5)
    plan = estimate(recipe(tiny_model, source))
    assert (plan.rows, plan.tokens) == (30, 30 * (MARKERS + 1 + 30))
    assert notes(plan, source)[-1] == ("tokens are estimated from a random sample of 10 of 30 rows")


def test_shares_decide_the_steps(source: Path, tiny_model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    write(other, [pair("Q", f"{n:030}") for n in range(10)])
    plan = estimate(recipe(tiny_model, f"{source}, {other}:0.5"))
    assert plan.rows == 40
    assert preflight(recipe(tiny_model, f"{source}, {other}:0.5")).rows == 40
    assert plan.tokens == 40 * (MARKERS + 1 + 30)


def test_a_plan_tells_that_copies_cannot_be_held_out(source: Path, tiny_model: Path) -> None:
    write(source, [pair("Q", "the same answer")] * 20)
    told = notes(preflight(recipe(tiny_model, source, "data.heldout_share=0.1")), source)
    assert told == [
        (
            "no row is held out, because near duplicates stay together (groups: 1); name held-out "
            "rows in data.heldout"
        )
    ]
