"""Loss and KL on text, in batches of limited size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM

from workbench.data.rendering import IGNORE_INDEX, Rendered
from workbench.evaluation.run import text_metrics
from workbench.evaluation.run.text_metrics import TextEvaluator

if TYPE_CHECKING:
    from pathlib import Path


def test_long_rows_are_read_in_smaller_batches(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_metrics, "TEXT_BATCH_TOKENS", 30)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    lengths = (6, 12, 9, 40, 5, 4, 3, 31)
    rows = [Rendered([7] * n, [IGNORE_INDEX, *[7] * (n - 1)], False) for n in lengths]
    shapes: list[tuple[int, ...]] = []
    model.get_input_embeddings().register_forward_pre_hook(
        lambda _module, inputs: shapes.append(tuple(inputs[0].shape))
    )
    text = TextEvaluator(rows, 0, torch.device("cpu"), watched=4, batch_size=3)
    predictions = text.base_predictions(model)
    assert shapes == [(2, 9), (1, 12), (1, 40), (3, 5), (1, 31)]
    base = text.base_results(predictions)
    assert [result.tokens for result in base] == [5, 8, 11, 39, 2, 3, 4, 30]
    watched = text.results(model, predictions, watched_only=True)
    assert [result.tokens for result in watched] == [5, 8, 11, 39]
    again = text.results(model, predictions)
    assert [result.kl for result in again] == pytest.approx([0] * 8, abs=1e-6)
