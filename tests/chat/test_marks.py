"""What was judged by hand, kept in the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.chat.annotations import (
    Annotation,
    add_annotation,
    annotations_file,
    read_annotations,
)
from workbench.chat.protocol import Sampling
from workbench.core.errors import MachineError
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from workbench.chat.annotations import Judgement
    from workbench.runs.folder import RunFolder, Runs


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    return runs.create(Recipe(name="support"))


def mark(exchange: str, verdict: Judgement | None, **values: object) -> Annotation:
    return Annotation.model_validate(
        {
            "exchange": exchange,
            "time": 1.0,
            "mark": verdict,
            "prompt": "why",
            "answers": {"base": "light\n\x1b[31m", "tuned": "billing"},
            **values,
        }
    )


def test_a_mark_comes_back_as_it_was_given(run: RunFolder) -> None:
    assert read_annotations(run) == ()
    given = mark(
        "one",
        "lost",
        system="Be brief",
        blind=True,
        strengths={"tuned": 0.5},
        sampling=Sampling(temperature=0.7, seed=3),
    )
    add_annotation(run, given)
    assert read_annotations(run) == (given,)


def test_the_newest_mark_of_an_exchange_counts_and_none_takes_it_back(run: RunFolder) -> None:
    for each in (mark("one", "lost"), mark("two", "improved"), mark("one", "kept")):
        add_annotation(run, each)
    assert [(each.exchange, each.mark) for each in read_annotations(run)] == [
        ("one", "kept"),
        ("two", "improved"),
    ]
    add_annotation(run, mark("one", None))
    assert [each.exchange for each in read_annotations(run)] == ["two"]


def test_a_torn_line_loses_only_itself(run: RunFolder) -> None:
    add_annotation(run, mark("one", "lost"))
    with annotations_file(run).open("a") as stream:
        stream.write('{"exchange": "torn", "ti')
    add_annotation(run, mark("two", "kept"))
    assert [each.exchange for each in read_annotations(run)] == ["one", "two"]


def test_only_the_owner_can_read_them(run: RunFolder) -> None:
    add_annotation(run, mark("one", "lost"))
    assert annotations_file(run).stat().st_mode & 0o777 == 0o600
    assert annotations_file(run).parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_is_told(run: RunFolder) -> None:
    run.chats.write_text("a file where the folder should be")
    with pytest.raises(MachineError, match="cannot be written"):
        add_annotation(run, mark("one", "lost"))
