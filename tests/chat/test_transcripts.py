"""Exchanges are saved privately, whole or not at all, and are found again."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.chat.exchange_records import answer, record
from workbench.chat.protocol import Sampling
from workbench.chat.transcript_pages import as_markdown, fenced
from workbench.chat.transcripts import (
    Transcript,
    read_transcripts,
)
from workbench.core.errors import MachineError
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    return runs.create(Recipe(name="support"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_saved_exchange_is_read_back_unchanged(run: RunFolder) -> None:
    evil = "\x1b]52;c;eHh4\x07\u2028\x85 ünï\n\n```"
    saved = record(
        evil,
        turn=3,
        system="Be brief.",
        sampling=Sampling(temperature=0.7, top_p=0.9, seed=4),
        strengths={"tuned": 0.5},
        models={"base": "SmolLM2", "tuned": "support"},
        answers={"base": answer(evil)},
        error="the engine was killed",
    )
    Transcript(run).add(saved)
    assert read_transcripts(run) == [saved]
    assert saved.answers["base"].tokens == 5


def test_files_are_private_and_created_with_the_first_exchange(run: RunFolder) -> None:
    previous = os.umask(0)
    try:
        transcript = Transcript(run)
        assert not run.chats.exists()
        transcript.add(record("one"))
        (path,) = run.chats.iterdir()
    finally:
        os.umask(previous)
    assert (mode(run.chats), mode(path)) == (0o700, 0o600)


def test_chats_started_in_the_same_second_have_separate_files(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.chat.transcripts.time.strftime", lambda _: "20260101-120000")
    first, second = Transcript(run), Transcript(run)
    first.add(record("one", 1.0))
    second.add(record("two", 2.0))
    first.add(record("three", 3.0))
    assert sorted(path.name for path in run.chats.iterdir()) == [
        "20260101-120000-2.jsonl",
        "20260101-120000.jsonl",
    ]
    assert [each.prompt for each in read_transcripts(run)] == ["one", "two", "three"]


def test_torn_lines_and_other_files_are_skipped(run: RunFolder) -> None:
    Transcript(run).add(record("whole"))
    (path,) = run.chats.iterdir()
    with path.open("ab") as stream:
        stream.write(record("torn").model_dump_json().encode()[:-20])
    (run.chats / "annotations.jsonl").write_text(record("no transcript").model_dump_json())
    assert [each.prompt for each in read_transcripts(run)] == ["whole"]


def test_fields_of_a_later_version_are_ignored(run: RunFolder) -> None:
    run.chats.mkdir()
    line = record("later").model_dump_json()[:-1] + ', "mood": "good"}\n'
    (run.chats / "20990101-000000.jsonl").write_text(line)
    assert [each.prompt for each in read_transcripts(run)] == ["later"]


def test_a_full_disk_leaves_no_partial_line(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript = Transcript(run)
    transcript.add(record("before", 1.0))
    (path,) = run.chats.iterdir()
    whole = path.read_bytes()

    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[:20]))
        with pytest.raises(MachineError, match="No space left on device"):
            transcript.add(record("lost", 2.0))
    assert path.read_bytes() == whole
    transcript.add(record("after", 3.0))
    assert [each.prompt for each in read_transcripts(run)] == ["before", "after"]


def test_a_folder_that_cannot_be_created_is_reported(run: RunFolder) -> None:
    run.chats.write_text("in the way")
    with pytest.raises(MachineError, match=r"chats: is .* folder"):
        Transcript(run).add(record("lost"))


def test_saving_reports_only_the_first_failure(run: RunFolder) -> None:
    run.chats.write_text("in the way")
    transcript = Transcript(run)
    assert "chats: is" in transcript.save(record("lost"))
    assert transcript.save(record("lost, too")) == ""
    run.chats.unlink()
    assert transcript.save(record("saved")) == ""
    assert [each.prompt for each in read_transcripts(run)] == ["saved"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["photo", "SUGAR"], True),
        (["brief", "log in"], True),
        (["photo", "moon"], False),
        ([], True),
    ],
)
def test_every_word_is_searched_in_prompt_system_prompt_and_answers(
    words: list[str], found: bool
) -> None:
    assert record("What is Photosynthesis?", system="Be brief.").contains(words) is found


def test_a_page_shows_the_settings_and_the_answers() -> None:
    saved = record(
        "Why?",
        turn=2,
        models={"base": "SmolLM2", "tuned": "support"},
        strengths={"tuned": 0.5},
        error="it ended",
    )
    page = as_markdown(saved, "exchange 4")
    assert page.startswith("## exchange 4\n")
    assert "turn 2 · greedy · at most 256 tokens · base proven" in page
    assert "**base · SmolLM2** · 5 tokens in 2.50 s · first token 0.50 s" in page
    assert "**tuned · support · strength 0.5**" in page
    assert "ended by: length" in page
    assert "```text\nPlease log in.\n```" in page
    assert "An answer is missing: it ended." in page
    drawn = record("x", sampling=Sampling(temperature=0.7, top_p=0.9, seed=4), proof="refuted")
    assert "temperature 0.7, top-p 0.9, seed 4" in as_markdown(drawn, "")
    assert "base refuted" in as_markdown(drawn, "")


def test_an_answer_cannot_close_its_fence_or_control_the_terminal() -> None:
    assert fenced("a\n````\nb\x1b[2J") == "`````text\na\n````\nb␛[2J\n`````"
