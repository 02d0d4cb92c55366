"""``ftwb chats``: past exchanges of one run or of all are listed and searched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.chat.exchange_records import record
from workbench.chat.transcripts import Transcript
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from workbench.runs.folder import RunFolder, Runs

    Ftwb = Callable[..., Ended]


@pytest.fixture
def held(runs: Runs) -> list[RunFolder]:
    """Two runs: two exchanges with the first, one with the second."""
    folders = [runs.create(Recipe(name=name)) for name in ("first", "second")]
    chat = Transcript(folders[0])
    chat.add(record("What is photosynthesis?", 1e9))
    chat.add(record("What is \x1b[31mgravity?", 1e9 + 1))
    Transcript(folders[1]).add(record("Why is the sky blue?", 1e9 + 2))
    return folders


def test_all_chats_are_listed_the_newest_of_a_run_first(ftwb: Ftwb, held: list[RunFolder]) -> None:
    ended = ftwb("chats", "first")
    assert ended.code == 0
    assert ended.out.index("gravity") < ended.out.index("photosynthesis")
    assert "␛[31mgravity" in ended.out
    assert "\x1b" not in ended.out
    assert "Plants make sugar." in ended.out
    assert "sky" not in ended.out
    everything = ftwb("chats").out
    assert all(word in everything for word in ("gravity", "photosynthesis", "sky", held[1].id))


def test_words_are_searched_in_every_run(ftwb: Ftwb, held: list[RunFolder]) -> None:
    exchanges = json.loads(ftwb("chats", "--search", "BLUE plants", "--json").out)
    assert [(exchange["run"], exchange["number"]) for exchange in exchanges] == [(held[1].id, 1)]
    assert exchanges[0]["answers"]["tuned"]["text"] == "Please log in."
    nothing = ftwb("chats", "--search", "moon")
    assert (nothing.code, nothing.out) == (0, "")
    assert "no exchange matches" in nothing.err


def test_one_exchange_is_printed_as_markdown(ftwb: Ftwb, held: list[RunFolder]) -> None:
    page = ftwb("chats", "first", "--show", 2).out
    assert page.startswith(f"## {held[0].id}, exchange 2\n")
    assert "␛[31mgravity" in page
    assert "photosynthesis" not in page
    both = ftwb("chats", "first", "--md").out
    assert both.count("## ") == 2


def test_show_needs_a_run_and_an_existing_number(ftwb: Ftwb, held: list[RunFolder]) -> None:
    alone = ftwb("chats", "--show", 1)
    assert alone.code == 2
    assert "ftwb chats RUN --show N" in alone.err
    missing = ftwb("chats", held[0].id, "--show", 3)
    assert missing.code == 2
    assert "there is no exchange 3" in missing.err


def test_no_chat_yet(ftwb: Ftwb, runs: Runs) -> None:
    runs.create(Recipe(name="quiet"))
    ended = ftwb("chats")
    assert ended.code == 0
    assert "no chats yet" in ended.err
    assert json.loads(ftwb("chats", "--json").out) == []
