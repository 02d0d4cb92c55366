"""Time to ftwb's first painted frame, as a ratio to an almost empty Textual app.

    python -m tests.benchmarks.first_paint

Both programs start in a pseudo-terminal of 80x24, taking turns; a time is from the start of the
process to the moment its first words are on the screen. The goal is a ratio of at most 1.5. Run it
on a quiet machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time

import pexpect

from tests.benchmarks.recording import option_parser, save

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


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of both programs, and the median of their ratios within a round."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, (arguments, words) in PROGRAMS.items():
            times[name].append(first_paint(arguments, words))
    medians = {f"{name}_seconds": statistics.median(values) for name, values in times.items()}
    ratios = [ftwb / empty for ftwb, empty in zip(times["ftwb"], times["empty"], strict=True)]
    return {**medians, "ratio": statistics.median(ratios)}


def main() -> None:
    parser = option_parser("first_paint", __doc__)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    figures = {name: round(value, 3) for name, value in measure(options.rounds).items()}
    for name, value in figures.items():
        print(f"{name:<16}{value:8.3f}")
    save(options, figures)


if __name__ == "__main__":
    main()
