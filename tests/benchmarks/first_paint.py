"""How long ftwb takes to its first painted frame, as a ratio to an almost empty Textual app.

Run it alone on a quiet machine: ``python tests/benchmarks/first_paint.py``. Both programs start in
a pseudo-terminal of 80x24, taking turns; each time is from the start of the process to the moment
its first words are on the screen. The goal is a ratio of at most 1.5.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time

import pexpect

ROUNDS = 11
EMPTY = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    def compose(self):
        yield Static("almost empty")

Empty().run()
"""
PROGRAMS = {
    "empty": (["-c", EMPTY], "almost empty"),
    "ftwb": (["-m", "workbench"], "New run"),
}


def first_paint(arguments: list[str], words: str) -> float:
    """Seconds until ``words`` are written to the terminal."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "FTWB_HOME": home, "TERM": "xterm-256color"}
        start = time.perf_counter()
        program = pexpect.spawn(
            sys.executable, arguments, dimensions=(24, 80), env=environment, timeout=60
        )
        program.expect_exact(words)
        seconds = time.perf_counter() - start
        program.terminate(force=True)
    return seconds


def measure() -> dict[str, float]:
    """Median seconds of both programs, and the median of their ratio in one round."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(ROUNDS):
        for name, (arguments, words) in PROGRAMS.items():
            times[name].append(first_paint(arguments, words))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    ratios = [ftwb / empty for ftwb, empty in zip(times["ftwb"], times["empty"], strict=True)]
    return {**medians, "ratio": statistics.median(ratios)}


if __name__ == "__main__":
    result = {key: round(value, 3) for key, value in measure().items()}
    sys.stdout.write(json.dumps(result) + "\n")
