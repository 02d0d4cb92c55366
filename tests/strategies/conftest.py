"""Models that only the tests of strategies need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tiny import make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama whose rows are whole quantisation blocks of 64 numbers."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "wide-llama", width=64)
