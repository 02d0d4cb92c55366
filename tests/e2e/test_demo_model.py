"""Strategies that lean on what only a real model has: real weights to quantise, real key heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.presets import outcome

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.demo_model
@pytest.mark.parametrize("preset", ["qlora", "prefix_tuning"])
def test_trained_reloaded_and_asked(preset: str, tmp_path: Path) -> None:
    found = outcome(preset, 20, tmp_path)
    assert "plants" in found.base
    assert found.tuned
    assert found.tuned != found.base
