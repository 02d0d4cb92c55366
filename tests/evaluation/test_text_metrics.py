"""Loss and KL on text, in batches of limited size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from workbench.data.formats import Example, Message
from workbench.data.rendering import IGNORE_INDEX, Rendered, Renderer
from workbench.evaluation.report import TextResult, body_mean, opening_mean
from workbench.evaluation.run import base_predictions, text_metrics
from workbench.evaluation.run.text_metrics import TextEvaluator
from workbench.models.loss import labelled_logits
from workbench.retention.penalties.kl import kl_to_base

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


def test_watched_rows_can_be_kept_out_of_the_report(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    rows = [Rendered([7] * n, [IGNORE_INDEX, *[7] * (n - 1)], False) for n in (6, 12, 9, 5, 4)]
    text = TextEvaluator(rows, 0, torch.device("cpu"), watched=2, apart=True)
    predictions = text.base_predictions(model)
    whole = TextEvaluator(rows, 0, torch.device("cpu"), watched=2)
    assert len(predictions["nll"]) == 5 + 11 + 8 + 4 + 3
    assert whole.base_results(predictions)[2:] == text.base_results(predictions)
    assert [row.tokens for row in text.base_results(predictions)] == [3, 4, 8]
    assert [row.tokens for row in text.base_results(predictions, watched_only=True)] == [5, 11]
    assert whole.results(model, predictions)[2:] == text.results(model, predictions)
    assert [row.tokens for row in text.results(model, predictions, watched_only=True)] == [5, 11]


def test_the_first_token_of_each_answer_is_measured_apart(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_predictions, "TOP_TOKENS", 10_000)  # the whole vocabulary
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    tuned = AutoModelForCausalLM.from_pretrained(tiny_model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.05)
    # 1. One answer, two answers, and a text that is learned whole.
    rows = [
        _labelled(9, {3, 4, 5}),
        _labelled(14, {2, 3, 8, 9, 10, 11}),
        Rendered(list(range(20, 36)), list(range(20, 36)), False),
    ]
    text = TextEvaluator(rows, 0, torch.device("cpu"))
    predictions = text.base_predictions(base)
    results = text.results(tuned, predictions)
    assert [result.openings for result in results] == [1, 2, 0]
    assert [result.openings for result in text.base_results(predictions)] == [1, 2, 0]
    assert [result.body_tokens for result in results] == [2, 4, 15]
    # 2. The exact KL of each token of the second row, one by one.
    ids = torch.tensor([rows[1].input_ids])
    batch = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.tensor([rows[1].labels]),
    }
    with torch.no_grad():
        exact = kl_to_base(labelled_logits(base, batch)[0], labelled_logits(tuned, batch)[0])
    second = results[1]
    assert second.opening_kl == pytest.approx(float(exact[[0, 2]].mean()), rel=1e-3)
    assert second.body_kl == pytest.approx(float(exact[[1, 3, 4, 5]].mean()), rel=1e-3)
    assert 6 * second.kl == pytest.approx(2 * second.opening_kl + 4 * second.body_kl)


def test_means_over_rows_count_openings_and_other_tokens() -> None:
    rows = (
        TextResult(tokens=3, nll=1, kl=2, openings=1, opening_kl=4),  # body: 2 tokens of 1
        TextResult(tokens=6, nll=1, kl=1.5, openings=2, opening_kl=1),  # body: 4 tokens of 1.75
        TextResult(tokens=4, nll=1, kl=3),
    )
    assert opening_mean(rows) == pytest.approx((4 + 2 * 1) / 3)
    assert body_mean(rows) == pytest.approx((2 * 1 + 4 * 1.75 + 4 * 3) / 10)
    assert opening_mean(rows[2:]) is None
    assert body_mean([TextResult(tokens=1, nll=1, openings=1)]) is None


def test_answers_open_where_the_chat_template_hands_over(tiny_model: Path) -> None:
    renderer = Renderer(AutoTokenizer.from_pretrained(tiny_model), True, 200)
    chat = (
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "Bye"),
        Message("assistant", "See you"),
    )
    assert renderer.render(Example(1, {}, chat)).openings == 2
    assert renderer.render(Example(1, {}, text="Only text.")).openings == 0


def _labelled(length: int, learned: set[int]) -> Rendered:
    """A row of which the tokens at these places are learned."""
    ids = list(range(10, 10 + length))
    labels = [token if place in learned else IGNORE_INDEX for place, token in enumerate(ids)]
    return Rendered(ids, labels, False)
