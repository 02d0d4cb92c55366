"""The chat and its dialogs as SVG, at the smallest and at a comfortable size of the terminal.

``test_snapshots.py`` has the other screens, and says how to accept a change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chat.scripted_client import (
    DIED,
    OPENED,
    ScriptedClient,
    answers,
    done,
    token_scores,
)
from tests.tui.conftest import SIZES, until
from tests.tui.pictured_runs import finished_run, hijacked_run
from workbench.chat.protocol import Finished, LaneFacts
from workbench.chat.transcripts import ExchangeRecord
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.chat import ChatScreen
from workbench.tui.screens.chat_settings import ChatSettingsScreen
from workbench.tui.screens.choose import ChooseScreen
from workbench.tui.screens.new_probe import NewProbeScreen
from workbench.tui.screens.pick_run import PickRunScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from tests.tui.conftest import Arrange, Matches
    from workbench.runs.folder import Runs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("size", SIZES, ids=["80x24", "140x45"]),
]

QUESTION = "Why is the sea salty?"
BASE = (
    "Rivers carry **dissolved salts** from rocks into the sea.\n\n"
    "1. Rain is slightly acidic and wears rocks down.\n"
    "2. Water evaporates from the sea, and the salt stays behind."
)
TUNED = "Please log in to your account first. Then I can look up why the sea is salty."
ANSWERS = answers(BASE, TUNED)
SCORES = (
    token_scores(("Rivers carry", 0.1), (" dissolved salts", 14.0), (" from rocks", 5.0)),
    token_scores(("Please log", 6.5), (" in to your", 1.2), (" account", 9.3), (" first.", 3.5)),
)
THIRD = LaneFacts(name="tuned-2", decoding="one batch", extra_bytes=1 << 26, scalable=True)
THREE = OPENED.model_copy(update={"lanes": (*OPENED.lanes, THIRD)})
IN_THREE_LANES = [
    *(done("base", BASE), done("tuned", TUNED), done("tuned-2", TUNED, finish="length")),
    Finished(id=1),
]


@pytest.fixture
def chat_app(pinned: Runs, monkeypatch: pytest.MonkeyPatch) -> Callable[..., WorkbenchApp]:
    """The workbench on the chat with a finished run, whose engine plays the given scripts."""

    def make(*scripts: Any, **options: Any) -> WorkbenchApp:
        client = ScriptedClient(*scripts, **options)
        monkeypatch.setattr("workbench.tui.screens.chat.EngineClient", lambda _run: client)
        monkeypatch.setattr(ExchangeRecord, "when", "2026-11-27 12:00")
        run = hijacked_run(pinned)
        (run.checkpoints / "step-60").mkdir(parents=True)
        return WorkbenchApp(pinned.root, chat=run)

    return make


async def opened(pilot: Pilot[None]) -> ChatScreen:
    """The chat, once its engine has opened or failed, and the top bar is complete."""
    app = pilot.app
    assert isinstance(app, WorkbenchApp)
    await until(pilot, lambda: isinstance(app.screen, ChatScreen) and app.listed and app.machine)
    screen = app.screen
    assert isinstance(screen, ChatScreen)
    await until(pilot, lambda: screen.session.engine in ("ready", "down") and app.bands)
    return screen


async def asked(pilot: Pilot[None]) -> ChatScreen:
    """The chat, once the question has been answered."""
    screen = await opened(pilot)
    screen.conversation.prompt.put(QUESTION)
    await pilot.press("enter")
    await until(pilot, lambda: screen.session.exchanges and screen.session.engine != "answering")
    await pilot.app.workers.wait_for_complete()
    return screen


def press_after_answer(*keys: str) -> Arrange:
    async def arrange(pilot: Pilot[None]) -> None:
        await asked(pilot)
        await pilot.press(*keys)

    return arrange


async def only_open(pilot: Pilot[None]) -> None:
    await opened(pilot)


def dialog_after_answer(kind: type, *keys: str) -> Arrange:
    async def arrange(pilot: Pilot[None]) -> None:
        await asked(pilot)
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(pilot.app.screen, kind))

    return arrange


def test_chat_before_the_first_question(
    matches_snapshot: Matches, chat_app: Callable[..., WorkbenchApp], size: tuple[int, int]
) -> None:
    assert matches_snapshot(chat_app(), size, only_open)


@pytest.mark.parametrize(
    "keys",
    [(), ("alt+d",), ("alt+h",), ("alt+l",), ("f6", "f6", "f6")],
    ids=["answered", "differences", "surprise", "judged", "weaker"],
)
def test_chat(
    matches_snapshot: Matches,
    chat_app: Callable[..., WorkbenchApp],
    size: tuple[int, int],
    keys: tuple[str, ...],
) -> None:
    app = chat_app(ANSWERS, scores=SCORES)
    assert matches_snapshot(app, size, press_after_answer(*keys))


@pytest.mark.parametrize("keys", [(), ("alt+x",)], ids=["hidden", "judged"])
def test_blind_chat(
    matches_snapshot: Matches,
    chat_app: Callable[..., WorkbenchApp],
    fixed_draws: Callable[..., None],
    size: tuple[int, int],
    keys: tuple[str, ...],
) -> None:
    fixed_draws({"base": "tuned", "tuned": "base"})

    async def arrange(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await pilot.press("alt+m")
        await asked(pilot)
        await pilot.press(*keys)

    assert matches_snapshot(chat_app(ANSWERS), size, arrange)


def test_chat_with_three_lanes(
    matches_snapshot: Matches, chat_app: Callable[..., WorkbenchApp], size: tuple[int, int]
) -> None:
    async def arrange(pilot: Pilot[None]) -> None:
        screen = await opened(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChooseScreen))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen and len(screen.session.lanes) == 3)
        await asked(pilot)

    app = chat_app(IN_THREE_LANES, opening=((OPENED,), (THREE,)))
    assert matches_snapshot(app, size, arrange)


def test_chat_whose_engine_died(
    matches_snapshot: Matches, chat_app: Callable[..., WorkbenchApp], size: tuple[int, int]
) -> None:
    assert matches_snapshot(chat_app([DIED]), size, press_after_answer())


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (ChatSettingsScreen, "f8"),
        (ChooseScreen, "ctrl+t"),
        (ChooseScreen, "ctrl+n"),
        (ChooseScreen, "alt+c"),
        (ChooseScreen, "alt+e"),
        (NewProbeScreen, "alt+t"),
    ],
    ids=["settings", "probes", "lanes", "copy", "earlier", "to-suite"],
)
def test_dialog_of_the_chat(
    matches_snapshot: Matches,
    chat_app: Callable[..., WorkbenchApp],
    size: tuple[int, int],
    kind: type,
    key: str,
) -> None:
    assert matches_snapshot(chat_app(ANSWERS), size, dialog_after_answer(kind, key))


@pytest.mark.parametrize("empty", [True, False], ids=["without-runs", "with-runs"])
def test_pick_chat(
    matches_snapshot: Matches, pinned: Runs, size: tuple[int, int], *, empty: bool
) -> None:
    if not empty:
        finished_run(pinned)

    async def arrange(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, WorkbenchApp)
        await until(pilot, lambda: isinstance(app.screen, PickRunScreen))
        await until(pilot, lambda: app.listed and app.machine)

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="chat"), size, arrange)
