"""The terminal stays light: neither the TUI nor ``--help`` loads torch and its like."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "peft", "datasets", "bitsandbytes", "accelerate")

EVERY_MODULE = """
import importlib, pkgutil, sys
import workbench.tui

for info in pkgutil.walk_packages(workbench.tui.__path__, "workbench.tui."):
    importlib.import_module(info.name)
"""

FIRST_PAINT = """
import asyncio, sys
from pathlib import Path
from workbench.tui.app import WorkbenchApp
from workbench.tui.widgets.common.top_bar import TopBar

async def paint():
    app = WorkbenchApp(Path(sys.argv[1]))
    async with app.run_test(size=(80, 24)) as pilot:
        while getattr(app.screen, "assessment", None) is None:
            await pilot.pause()
        assert "New run" in app.screen.query_one(TopBar).render().plain

asyncio.run(paint())
"""

HELP = """
import sys
from workbench.cli.root import ftwb

for arguments in (["--help"], ["train", "--help"], ["runs", "--help"]):
    ftwb(arguments, standalone_mode=False)
"""

BEFORE_THE_FIRST_PAINT = """
import sys
import workbench.tui.app, workbench.tui.screens.new_run
"""

LIGHT_IMPORT = """
import sys
import workbench.tui
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "heavy"),
    [
        (EVERY_MODULE, HEAVY),
        (FIRST_PAINT, HEAVY),
        (HELP, (*HEAVY, "textual")),
        (BEFORE_THE_FIRST_PAINT, (*HEAVY, "pydantic", "yaml")),
        (LIGHT_IMPORT, (*HEAVY, "textual", "pydantic")),
    ],
    ids=["every module", "first paint", "help", "before the first paint", "the package"],
)
def test_nothing_heavy_is_loaded(script: str, heavy: tuple[str, ...], tmp_path: object) -> None:
    ending = (
        f"\nprint(' '.join(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script + ending, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.split() == []
