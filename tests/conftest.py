"""Shared by all tests: an ftwb home of their own, and tiny models made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tiny import make_tiny_model
from workbench.runs.folder import Runs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's runs, and the network, out of every test."""
    home = tmp_path / "ftwb-home"
    monkeypatch.setenv("FTWB_HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("FTWB_RUNS_DIR", raising=False)
    return home


@pytest.fixture
def runs(own_home: Path) -> Runs:
    """An empty folder of runs."""
    return Runs(own_home / "runs")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Llama and its byte tokenizer."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny-llama")
