"""Strategies that lean on what only a real model has: real weights to quantise, real key heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.presets import outcome
from workbench.core.progress import silent
from workbench.models.demo import ensure_demo_model

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.demo_model, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def shared_cache() -> Path:
    """The user's own cache: converting the model again for every test takes a minute."""
    return ensure_demo_model(silent).parents[1]


@pytest.mark.parametrize("preset", ["qlora", "prefix_tuning"])
def test_trained_reloaded_and_asked(
    preset: str, shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTWB_CACHE", str(shared_cache))
    found = outcome(preset, 20, tmp_path)
    assert "plants" in found.base
    assert found.tuned
    assert found.tuned != found.base
