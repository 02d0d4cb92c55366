"""Take the screenshots of the README from real runs; run ``ftwb demo --headless`` first.

    python screenshots/take.py [new_run|live|report|compare|chat|strength …]

Opens the workbench on the newest finished demo runs, waits until each screen shows what it should,
and writes one SVG per screen beside this script.
"""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.chat.surprise import DIVERGENCE, SURPRISE
from workbench.core import locations
from workbench.runs.folder import Runs
from workbench.tui.app import WorkbenchApp
from workbench.tui.messages import OpenReport
from workbench.tui.screens.chat import ChatScreen
from workbench.tui.widgets.chat.prompt import PromptBox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from textual.pilot import Pilot

    from workbench.runs.folder import RunFolder

HERE = Path(__file__).parent
SIZE = (120, 34)
QUESTION = "What is photosynthesis?"


def newest(runs: Runs, name: str) -> RunFolder:
    """The newest finished run of a recipe."""
    return next(
        run for run in runs.list() if run.recipe().name == name and run.status().state == "finished"
    )


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app work until a condition holds."""
    while not condition():
        await pilot.pause(0.2)
    await pilot.pause(1)


def save(app: WorkbenchApp, name: str) -> None:
    """Write the screenshot and print its name."""
    (HERE / f"{name}.svg").write_text(app.export_screenshot(title="ftwb"), encoding="utf-8")
    print(f"screenshots/{name}.svg")


async def new_run(runs: Runs) -> None:
    app = WorkbenchApp(runs.root)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "tokens" in shown(app) and "counting" not in shown(app))
        save(app, "new-run")


async def live(runs: Runs) -> None:
    app = WorkbenchApp(runs.root, run=newest(runs, "demo-full"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "finished" in shown(app) and "train" in shown(app))
        save(app, "live-run")


async def report(runs: Runs) -> None:
    app = WorkbenchApp(runs.root)
    async with app.run_test(size=SIZE) as pilot:
        app.post_message(OpenReport(newest(runs, "demo-full")))
        await until(pilot, lambda: "retention index" in shown(app).lower())
        save(app, "report")


async def compare(runs: Runs) -> None:
    app = WorkbenchApp(runs.root)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f12")
        await until(pilot, lambda: "training.learning_rate" in shown(app))
        save(app, "compare")


async def chat(runs: Runs) -> None:
    """Both answers under the proof, then the place where the tuned one is hijacked."""
    async with chatting(runs, "demo-full") as (app, pilot):
        await ask(app, pilot, QUESTION)
        save(app, "chat")
        await pilot.press("alt+h")
        await until(
            pilot, lambda: all(scale.title in shown(app) for scale in (SURPRISE, DIVERGENCE))
        )
        save(app, "chat-surprise")


async def strength(runs: Runs) -> None:
    """The tuned side half way back to the base."""
    async with chatting(runs, "demo-lora") as (app, pilot):
        for _ in range(5):
            await pilot.press("f6")
        await ask(app, pilot, QUESTION)
        save(app, "chat-strength")


@asynccontextmanager
async def chatting(runs: Runs, name: str) -> AsyncIterator[tuple[WorkbenchApp, Pilot[None]]]:
    """The split chat with the newest run of a recipe, once its engine is ready."""
    app = WorkbenchApp(runs.root, chat=newest(runs, name))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: idle(app))
        yield app, pilot


async def ask(app: WorkbenchApp, pilot: Pilot[None], question: str) -> None:
    app.screen.query_one(PromptBox).text = question
    await pilot.press("enter")
    await until(pilot, lambda: idle(app) and shown(app).count("first token") > 1)


def idle(app: WorkbenchApp) -> bool:
    return isinstance(app.screen, ChatScreen) and app.screen.session.engine == "ready"


def shown(app: WorkbenchApp) -> str:
    """The text on the screen."""
    return unescape(re.sub("<[^>]+>", "", app.export_screenshot())).replace("\xa0", " ")


async def take(names: Sequence[str]) -> None:
    runs = Runs(locations.runs())
    for picture in (new_run, live, report, compare, chat, strength):
        if not names or picture.__name__ in names:
            await picture(runs)


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1:]))
