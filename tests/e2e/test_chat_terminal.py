"""The chat in a real terminal: hostile answers, typing during an answer, an engine that dies."""

from __future__ import annotations

import base64
import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.e2e.parrots import KEYWORD, REMEMBERED, parrot_run
from tests.e2e.terminal import Terminal
from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workbench.runs.folder import Runs

    OpenChat = Callable[..., Terminal]

pytestmark = [pytest.mark.slow, pytest.mark.serial]

SIZES = [(80, 24), (140, 45)]
WIDE = SIZES[1]
SLOW = 24
"""Layers that make an answer take seconds."""
COUNT = [f"w{number:03} " for number in range(1, 251)]
"""Words that show how far an answer has come."""
LETTERS = "|qzjxk"
"""Typed while answers stream; the first occurs nowhere else on the screen."""
FLUSHES = 3
"""Updates of the answers, a tenth of a second apart, allowed between a key and its echo."""

HOSTILE = (
    "Plants make",
    "\x1b",
    "]0;owned",
    "\x07",
    " sugar\x1b[77;199H",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b]8;;http://owned.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b2;3H\x9d0;owned\x9c\x90q\x9c",
    " \u202edesrever\u202c",
    "\x1b[?1049l\x1bc\x1b[2;5m",
    "\r\x08\x7f\x00",
    " from light.",
)
"""An answer that moves the cursor, sets title and clipboard, links, reverses, and resets."""
LEAKS = (
    "\x1b]0;",
    "\x1b]52;",
    "\x1b]8;;http",
    "\x1b[77;199H",
    "\x1b[?1049l",
    "\x1bc",
    "\x1b[2;5m",
    "\x9b",
    "\x9d",
    "\x90",
    "\u202e",
    "\x08",
)


@pytest.fixture
def open_chat(own_home: Path) -> Iterator[OpenChat]:
    env = {**os.environ, "FTWB_HOME": str(own_home), "OMP_NUM_THREADS": "1"}
    for multiplexer in ("TMUX", "STY"):
        env.pop(multiplexer, None)
    opened: list[Terminal] = []

    def open_one(size: tuple[int, int]) -> Terminal:
        command = [sys.executable, "-m", "workbench", "chat", "last"]
        terminal = Terminal(command, columns=size[0], lines=size[1], env=env)
        opened.append(terminal)
        terminal.wait_for(ready)
        return terminal

    yield open_one
    for terminal in opened:
        terminal.kill()


def ready(text: str) -> bool:
    return "in turns" in text or "one batch" in text


def ask(terminal: Terminal, prompt: str) -> None:
    """Type a prompt, and send it once it is shown: enter does not wait for the keys before it."""
    terminal.send(*prompt)
    terminal.wait_for(prompt)
    terminal.send("\r")


def engine_of(terminal: Terminal) -> psutil.Process:
    (engine,) = [
        child
        for child in psutil.Process(terminal.pid).children()
        if "workbench.chat.engine" in child.cmdline()
    ]
    return engine


def progress(text: str) -> int:
    """How many words of :data:`COUNT` an answer on the screen has."""
    return max((int(number) for number in re.findall(r"w(\d{3})", text)), default=0)


def test_no_escape_sequence_of_a_model_reaches_the_terminal(
    open_chat: OpenChat, runs: Runs, tmp_path: Path
) -> None:
    parrot_run(runs, tmp_path / "parrot", HOSTILE)
    terminal = open_chat(WIDE)
    title = terminal.screen.title
    before = len(terminal.raw)
    ask(terminal, "why")
    shown = terminal.wait_for(lambda text: text.count("tok/s") == 2)
    for part in ("␛]0;owned␇", "sugar␛[77;199H", "␛]52;c;b3duZWQ=␇", "\\x9b2;3H", "\\u202edesr"):
        assert shown.count(part) == 2, part
    assert "from light." in shown
    assert terminal.screen.title == title
    arrived = bytes(terminal.raw[before:])
    assert [leak for leak in LEAKS if leak.encode() in arrived] == []

    terminal.send("\x1bc")
    terminal.wait_for("the tuned answer")
    terminal.send("\r")
    terminal.wait_for("OSC 52")
    harmless = visible("".join(HOSTILE)).encode()
    assert b"\x1b]52;c;" + base64.b64encode(harmless) + b"\x07" in terminal.raw


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_keys_are_echoed_between_the_words_of_both_answers(
    open_chat: OpenChat, runs: Runs, tmp_path: Path, size: tuple[int, int]
) -> None:
    parrot_run(runs, tmp_path / "parrot", COUNT, layers=SLOW)
    terminal = open_chat(size)
    ask(terminal, "count")
    terminal.wait_for(lambda text: progress(text) > 2)
    film = terminal.film()
    waits = []
    for end in range(1, len(LETTERS) + 1):
        pressed, typed = len(film), LETTERS[:end]
        terminal.send(typed[-1])
        terminal.wait_for(typed)
        echoed = next(at for at in range(pressed - 1, len(film)) if typed in film[at])
        waits.append(len({progress(text) for text in film[pressed - 1 : echoed + 1]}) - 1)
    assert max(waits) <= FLUSHES, waits
    assert progress(film[-1]) > progress(film[0]) + len(LETTERS) // 2
    assert "answering …" in film[-1]


def test_a_killed_engine_is_reported_and_the_conversation_continues(
    open_chat: OpenChat, runs: Runs, tmp_path: Path
) -> None:
    parrot_run(runs, tmp_path / "parrot", COUNT, layers=SLOW)
    terminal = open_chat(WIDE)
    ask(terminal, KEYWORD)
    terminal.wait_for(lambda text: text.count(REMEMBERED.strip()) == 2 and progress(text) > 0)
    terminal.send("\x1b")
    terminal.wait_for(lambda text: text.count("stopped") == 2)

    ask(terminal, "second")
    terminal.wait_for(lambda text: all("w002" in answer for answer in answers(text, "second")))
    first = engine_of(terminal)
    first.send_signal(signal.SIGKILL)
    shown = terminal.wait_for("the chat engine was killed")
    assert "F5" in shown
    assert shown.count(KEYWORD) >= 2
    assert all("w002" in answer for answer in answers(shown, "second"))

    terminal.send("\x1b[15~")
    terminal.wait_for(lambda text: "the chat engine was killed" not in text and ready(text))
    assert engine_of(terminal).pid != first.pid
    ask(terminal, "third")
    shown = terminal.wait_for(
        lambda text: all("w001" in answer for answer in answers(text, "third"))
    )
    assert all(REMEMBERED.strip() in answer for answer in answers(shown, "third"))


def answers(text: str, question: str) -> list[str]:
    """The text below a question, on the left and on the right; empty before it is shown."""
    half = WIDE[0] // 2
    sides = ["\n".join(row[:half] for row in text.splitlines())]
    sides.append("\n".join(row[half:] for row in text.splitlines()))
    return [side.rpartition(question)[2] if question in side else "" for side in sides]


def test_an_engine_ends_with_its_screen_even_during_an_answer(
    open_chat: OpenChat, runs: Runs, tmp_path: Path
) -> None:
    parrot_run(runs, tmp_path / "parrot", COUNT, layers=SLOW)
    terminal = open_chat(WIDE)
    ask(terminal, "count")
    terminal.wait_for(lambda text: progress(text) > 2)
    engine = engine_of(terminal)
    assert alive(engine)
    os.kill(terminal.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while alive(engine) and time.monotonic() < deadline:
        os.sched_yield()
    assert not alive(engine)


def alive(process: psutil.Process) -> bool:
    """Whether it is running; a zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
