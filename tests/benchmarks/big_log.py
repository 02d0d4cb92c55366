"""Opening and following a run with a million events, as the live view does.

    python tests/benchmarks/big_log.py [--lines 1000000]

Writes the log itself. Goals: the newest values within 1 s of opening, the whole curve within 5 s,
under 2 % of a core while the run is idle, and memory that does not grow with the log. Where others
use the machine too the seconds are theirs as well, so that this process's own are told beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from workbench.recipe.recipe import Recipe
from workbench.runs.folder import Runs
from workbench.runs.status import Status
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.live import LiveScreen
from workbench.tui.screens.new_run import NewRunScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

MIB = 1 << 20
IDLE_SECONDS = 20.0
SPIKE = 1e6


def events(lines: int) -> Iterator[dict[str, float | str]]:
    """What a worker writes: two steps and a memory reading in turn, now and then an evaluation."""
    chance = random.Random(0)  # noqa: S311 - no secret
    for number in range(lines):
        event: dict[str, float | str] = {"t": 1.7e9 + number / 23, "step": number // 3}
        if number % 3 == 2:
            event |= {"kind": "memory", "process": 2**33 + number, "host_used": 2**35}
            event |= {"host_total": 2**37, "cuda0_allocated": 2**34, "cuda0_reserved": 2**35}
        elif number % 9000 == 0:
            event |= {"kind": "eval", "loss": 1 + chance.random()}
        else:
            loss = SPIKE if number == lines // 6 * 3 + 1 else 1 + chance.random()
            event |= {"kind": "train", "loss": loss, "learning_rate": 1e-4 * chance.random()}
            event |= {"gradient_norm": chance.random(), "tokens": number * 512}
            event |= {"epoch": number / lines, "tokens_per_second": 9e3, "seconds_left": 1e3}
        yield event


def write_run(runs: Runs, lines: int) -> RunFolder:
    """A run folder with a long log, a spike in the middle of it, and this process as worker."""
    run = runs.create(Recipe(name="long"))
    with run.events.open("w") as stream:
        stream.writelines(json.dumps(event) + "\n" for event in events(lines))
    steps = (lines - 1) // 3
    Status.of_this_process(state="running", step=steps, total=2 * steps).save(run.status_file)
    return run


async def until_view(pilot: Pilot[None], screen: LiveScreen, *, whole: bool) -> RunView:
    """Wait for the first view, or for the first of the whole log."""
    while screen.view.run is None or (whole and screen.view.run.unread):
        await pilot.pause(0.01)
    return screen.view.run


async def measure(run: RunFolder, root: Path) -> dict[str, float]:
    """Seconds to the newest values and to the whole curve, share of a core after, and memory.

    Of the seconds those that this process computed are told too.
    """
    app = WorkbenchApp(root)
    async with app.run_test(size=(120, 40)) as pilot:
        while not (isinstance(app.screen, NewRunScreen) and app.screen.assessment):
            await pilot.pause(0.1)
        await pilot.pause(1)
        process = psutil.Process()
        before = process.memory_info().rss
        start, computed = time.perf_counter(), time.process_time()
        screen = LiveScreen(run)
        app.push_screen(screen)
        first = await until_view(pilot, screen, whole=False)
        newest, newest_own = time.perf_counter() - start, time.process_time() - computed
        last = await until_view(pilot, screen, whole=True)
        whole, whole_own = time.perf_counter() - start, time.process_time() - computed
        grown = process.memory_info().rss - before
        assert first.latest["train"] == last.latest["train"], "the newest values came late"
        points = last.series["train.loss"].points(100)
        assert max(point.high for point in points) == SPIKE, "the spike is hidden"
        await asyncio.sleep(2)
        busy = sum(process.cpu_times()[:2])
        await asyncio.sleep(IDLE_SECONDS)
        idle = (sum(process.cpu_times()[:2]) - busy) / IDLE_SECONDS
    return {
        "newest s": newest,
        "newest, own seconds": newest_own,
        "whole s": whole,
        "whole, own seconds": whole_own,
        "idle core %": 100 * idle,
        "MiB": grown / MIB,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    arguments = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(Path(folder))
        run = write_run(runs, arguments.lines)
        size = run.events.stat().st_size / MIB
        figures = asyncio.run(measure(run, runs.root))
    print(f"{arguments.lines:,} events, {size:.0f} MiB")
    print(f"load of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} after")
    for name, value in figures.items():
        print(f"{name:<24}{value:8.2f}")


if __name__ == "__main__":
    main()
