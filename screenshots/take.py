"""Take the README's pictures from real runs: ``ftwb demo --headless`` first, then this script.

    python screenshots/take.py

It opens the workbench on the newest finished demo runs, waits for what is really on the screen and
writes one SVG a screen beside itself.
"""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import locations
from workbench.runs.folder import Runs
from workbench.tui.app import WorkbenchApp
from workbench.tui.widgets.prompt import PromptBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

HERE = Path(__file__).parent
SIZE = (120, 34)
QUESTION = "What is photosynthesis?"


def newest(runs: Runs, name: str):
    """The newest finished run of a recipe."""
    return next(
        run for run in runs.list() if run.recipe().name == name and run.status().state == "finished"
    )


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    """Let the app live until something is true of it."""
    while not true():
        await pilot.pause(0.2)
    await pilot.pause(1)


def save(app: WorkbenchApp, name: str) -> None:
    """Write the picture and say so."""
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


async def chat(runs: Runs) -> None:
    app = WorkbenchApp(runs.root, chat=newest(runs, "demo-full"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "weights" in shown(app))
        app.screen.query_one(PromptBox).text = QUESTION
        await pilot.press("enter")
        await until(pilot, lambda: shown(app).count("first token") > 1)
        save(app, "chat")


def shown(app: WorkbenchApp) -> str:
    """The text on the screen."""
    return unescape(re.sub("<[^>]+>", "", app.export_screenshot())).replace("\xa0", " ")


async def take() -> None:
    runs = Runs(locations.runs())
    for picture in (new_run, live, chat):
        await picture(runs)


if __name__ == "__main__":
    asyncio.run(take())
