"""Strategies that depend on what only a real model has: weights to quantise, real key heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.presets import outcome

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.demo_model, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("preset", ["qlora", "prefix_tuning"])
def test_a_preset_is_trained_reloaded_and_asked(
    preset: str, demo_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTWB_CACHE", str(demo_model_folder.parents[1]))
    result = outcome(preset, 20, tmp_path)
    assert "plants" in result.base
    assert result.tuned
    assert result.tuned != result.base
