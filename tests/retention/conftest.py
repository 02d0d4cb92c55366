"""General text for protections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def general(tmp_path: Path) -> Path:
    """Ten rows of general text."""
    path = tmp_path / "general.jsonl"
    with path.open("w") as stream:
        for number in range(10):
            row = {"question": f"What is {number} + 1?", "answer": f"It is {number + 1}."}
            stream.write(json.dumps(row) + "\n")
    return path
