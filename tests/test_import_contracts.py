"""The import contracts of pyproject.toml fail on the imports that they exist to prevent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts that a test may spoil."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workbench", tmp_path / "workbench", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_hold(copy: Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        (
            "tui/app.py",
            "import workbench.training.trainer",
            "The terminal imports nothing that trains, generates or evaluates",
        ),
        (
            "tui/app.py",
            "import workbench.chat.engine.engine",
            "The terminal imports nothing that trains, generates or evaluates",
        ),
        ("planning/plan.py", "import torch", "Planning, and what screens read, needs no torch"),
        (
            "chat/session.py",
            "import workbench.chat.engine.lanes",
            "Only the engine process imports the chat engine",
        ),
        (
            "evaluation/analysis/gate.py",
            "import workbench.evaluation.run.evaluator",
            "Analysis and reports never run a model",
        ),
        ("training/worker.py", "import textual", "Only the TUI and the CLI import Textual"),
        ("recipe/recipe.py", "import workbench.runs.folder", "Rooms import downwards only"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(
    copy: Path, module: str, statement: str, contract: str
) -> None:
    path = copy / "workbench" / module
    marker = "from __future__ import annotations\n"
    source = path.read_text(encoding="utf-8")
    assert source.count(marker) == 1
    path.write_text(source.replace(marker, f"{marker}\n{statement}\n"), encoding="utf-8")
    result = lint_imports(copy)
    assert result.returncode == 1, result.stdout
    assert f"{contract} BROKEN" in result.stdout
    assert statement.removeprefix("import ") in result.stdout
