"""The user's judgements, kept in the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chat.scripted_client import done
from workbench.chat.annotations import (
    Annotation,
    Annotations,
    add_annotation,
    annotations_file,
    read_annotations,
)
from workbench.chat.dialogue import Exchange
from workbench.chat.protocol import Sampling, Turn
from workbench.chat.settings import ChatSettings
from workbench.core.errors import MachineError
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from workbench.chat.annotations import Judgement
    from workbench.runs.folder import RunFolder, Runs


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    return runs.create(Recipe(name="support"))


@pytest.fixture
def exchange() -> Exchange:
    asked: tuple[Turn, ...] = (Turn(role="user", content="why"),)
    answers = {"tuned": done("tuned", "billing"), "base": done("base", "light")}
    settings = ChatSettings(system="Be brief", temperature=0.7)
    conversations = {"base": asked, "tuned": asked}
    return Exchange("why", conversations, settings, {"tuned": 0.5}, answers)


def annotation(exchange: str, judgement: Judgement | None, **values: object) -> Annotation:
    return Annotation.model_validate(
        {
            "exchange": exchange,
            "time": 1.0,
            "judgement": judgement,
            "prompt": "why",
            "answers": {"base": "light\n\x1b[31m", "tuned": "billing"},
            **values,
        }
    )


def test_an_annotation_is_read_back_unchanged(run: RunFolder) -> None:
    assert read_annotations(run) == ()
    written = annotation(
        "one",
        "lost",
        system="Be brief",
        blind=True,
        strengths={"tuned": 0.5},
        sampling=Sampling(temperature=0.7, seed=3),
    )
    add_annotation(run, written)
    assert read_annotations(run) == (written,)


def test_the_newest_annotation_of_an_exchange_counts_and_none_withdraws_it(
    run: RunFolder,
) -> None:
    for each in (annotation("one", "lost"), annotation("two", "improved")):
        add_annotation(run, each)
    add_annotation(run, annotation("one", "kept"))
    assert [(each.exchange, each.judgement) for each in read_annotations(run)] == [
        ("one", "kept"),
        ("two", "improved"),
    ]
    add_annotation(run, annotation("one", None))
    assert [each.exchange for each in read_annotations(run)] == ["two"]


def test_a_torn_line_loses_only_itself(run: RunFolder) -> None:
    add_annotation(run, annotation("one", "lost"))
    with annotations_file(run).open("a") as stream:
        stream.write('{"exchange": "torn", "ti')
    add_annotation(run, annotation("two", "kept"))
    assert [each.exchange for each in read_annotations(run)] == ["one", "two"]


def test_only_the_owner_can_read_them(run: RunFolder) -> None:
    add_annotation(run, annotation("one", "lost"))
    assert annotations_file(run).stat().st_mode & 0o777 == 0o600
    assert annotations_file(run).parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_is_reported(run: RunFolder) -> None:
    run.chats.write_text("a file where the folder should be")
    with pytest.raises(MachineError, match="cannot be written"):
        add_annotation(run, annotation("one", "lost"))


def test_a_judgement_is_kept_with_its_context(run: RunFolder, exchange: Exchange) -> None:
    Annotations(run).add(exchange, "lost", blind=True)
    (written,) = read_annotations(run)
    assert (written.judgement, written.blind, written.prompt) == ("lost", True, "why")
    assert list(written.answers.items()) == [("base", "light"), ("tuned", "billing")]
    assert (written.system, written.sampling.temperature) == ("Be brief", 0.7)
    assert written.strengths == {"tuned": 0.5}


def test_a_second_press_withdraws_a_judgement_and_another_replaces_it(
    run: RunFolder, exchange: Exchange
) -> None:
    annotations = Annotations(run)
    assert annotations.toggled(exchange, "lost") == "lost"
    annotations.add(exchange, "lost")
    assert annotations.toggled(exchange, "kept") == "kept"
    assert annotations.toggled(exchange, "lost") is None
    annotations.add(exchange, None)
    assert annotations.of(exchange) is None
    assert annotations.toggled(exchange, "lost") == "lost"
    assert read_annotations(run) == ()


def test_a_judgement_that_cannot_be_written_leaves_the_earlier_one(
    run: RunFolder, exchange: Exchange
) -> None:
    annotations = Annotations(run)
    annotations.add(exchange, "kept")
    annotations_file(run).unlink()
    annotations_file(run).mkdir()
    with pytest.raises(MachineError, match="cannot be written"):
        annotations.add(exchange, "lost")
    current = annotations.of(exchange)
    assert current is not None
    assert current.judgement == "kept"
