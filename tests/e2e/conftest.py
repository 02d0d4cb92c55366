"""Real terminals, and the real demo model."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.terminal import Terminal
from workbench.core.progress import silent
from workbench.models.demo import ensure_demo_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FTWB = [sys.executable, "-m", "workbench"]


@pytest.fixture
def open_terminal(own_home: Path) -> Iterator[Callable[..., Terminal]]:
    """Open ``ftwb`` with these arguments in a terminal of that size; all are killed at the end."""
    env = {**os.environ, "FTWB_HOME": str(own_home), "OMP_NUM_THREADS": "1"}
    for multiplexer in ("TMUX", "STY"):
        env.pop(multiplexer, None)
    terminals: list[Terminal] = []

    def open_one(size: tuple[int, int], *arguments: str) -> Terminal:
        columns, lines = size
        terminals.append(Terminal([*FTWB, *arguments], columns=columns, lines=lines, env=env))
        return terminals[-1]

    yield open_one
    for terminal in terminals:
        terminal.kill()


@pytest.fixture(scope="session")
def demo_model_folder() -> Path:
    """The demo model in the user's own cache: converting it for every test takes a minute."""
    return ensure_demo_model(silent)
