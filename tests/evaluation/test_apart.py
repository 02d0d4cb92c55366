"""Rows that choose are not the rows that are reported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from workbench.data.formats import Example
from workbench.data.splitting import load_split
from workbench.evaluation.report import read_report
from workbench.evaluation.run.apart import OVERLAP, share_out, watched_apart
from workbench.evaluation.run.evaluation_set import EvaluationSet, evaluation_set
from workbench.models.dtype import RunDtypes
from workbench.models.loaded_base import open_base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView


def _rows(count: int) -> list[Example]:
    return [Example(number, {}, text=str(number)) for number in range(count)]


def test_every_third_row_chooses() -> None:
    shares = share_out(_rows(30))
    assert shares.apart
    assert [row.number for row in shares.choosing] == list(range(2, 30, 3))
    numbers = {row.number for row in (*shares.choosing, *shares.reported)}
    assert (len(shares.reported), numbers) == (20, set(range(30)))


def test_few_rows_do_both() -> None:
    shares = share_out(_rows(29))
    assert not shares.apart
    assert shares.choosing == shares.reported
    assert watched_apart(20, 12, 64)
    assert not watched_apart(19, 12, 64)
    assert watched_apart(19, 12, 7)


@pytest.fixture
def many_heldout(tmp_path: Path) -> str:
    path = tmp_path / "heldout.jsonl"
    rows = [
        {"question": f"Question {n}?", "answer": f"Answer {n}.", "intent": f"n{n}"}
        for n in range(36)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return f"data.heldout={path}"


def test_early_stopping_and_strengths_see_no_row_of_the_report(
    new_run: Callable[..., RunFolder], probed: tuple[str, ...], many_heldout: str
) -> None:
    recipe = new_run(*probed, many_heldout).recipe()
    split = load_split(recipe.data, recipe.training.seed)
    loaded = open_base(recipe, split, RunDtypes(weights="float32", autocast="float32"), _silent)
    reported, choosing = (
        evaluation_set(loaded, "none", to_choose=to_choose) for to_choose in (False, True)
    )
    assert (len(reported.target), len(choosing.target)) == (24, 12)
    assert {row.prompt for row in reported.target}.isdisjoint(row.prompt for row in choosing.target)
    loss_rows = [_loss_rows(asked) for asked in (reported, choosing)]
    assert loss_rows[0].isdisjoint(loss_rows[1])
    assert {row for batch in reported.choosing for row in _ids(batch)} == loss_rows[1]
    watched = [row.input_ids for row in reported.general_text[:12]]
    assert [row.input_ids for row in choosing.general_text] == watched
    assert (reported.apart, choosing.apart) == (True, False)


@pytest.mark.dtype
@pytest.mark.slow
def test_a_small_dataset_gets_a_note(
    trained: Callable[..., tuple[RunFolder, RunView]], probed: tuple[str, ...], many_heldout: str
) -> None:
    stopping = "retention.early_stopping=true"
    small, _ = trained(*probed, stopping)
    assert OVERLAP in read_report(small).notes
    enough, _ = trained(*probed, stopping, many_heldout)
    assert OVERLAP not in read_report(enough).notes
    unchosen, _ = trained(*probed)
    assert OVERLAP not in read_report(unchosen).notes


def _silent(*_: object) -> None:
    pass


def _ids(batch: dict[str, Any]) -> list[tuple[int, ...]]:
    return [tuple(row) for row in batch["input_ids"].tolist()]


def _loss_rows(asked: EvaluationSet) -> set[tuple[int, ...]]:
    return {row for batch in asked.heldout for row in _ids(batch)}
