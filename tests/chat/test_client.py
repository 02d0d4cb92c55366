"""The client's side does not import torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "peft", "datasets", "bitsandbytes", "numpy")


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        "workbench.chat.client",
        "workbench.chat.conversation",
        "workbench.chat.headless",
        "workbench.chat.packs",
        "workbench.cli.commands.chat",
        "workbench.tui.screens.chat",
    ],
)
def test_importing_loads_nothing_heavy(module):
    script = f"import {module}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert ended.stdout.strip() == b"[]"
