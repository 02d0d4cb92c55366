"""The loss against transformers' own, and the promise that unneeded logits are never built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.strategies.cases import strategy_of
from tests.tiny import make_tiny_model
from workbench.models.loss import labelled_nll, mean_nll

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tiny import Architecture


def batch_of(vocabulary: int, lengths: list[int], prompt: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    width = max(lengths)
    ids = torch.randint(0, vocabulary, (len(lengths), width), generator=generator)
    mask = torch.tensor([[1] * length + [0] * (width - length) for length in lengths])
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, :prompt] = -100
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3"])
def test_it_equals_the_loss_of_transformers(tmp_path: Path, architecture: Architecture) -> None:
    model = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path, architecture))
    batch = batch_of(256, [12, 7, 9], prompt=3)
    expected = model(**batch)
    nll, count = labelled_nll(model, batch)
    assert count == 9 + 4 + 6
    torch.testing.assert_close(nll / count, expected.loss)


def test_gradients_equal_those_of_transformers(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    batch = batch_of(256, [12, 7], prompt=3)
    model(**batch).loss.backward()
    expected = {
        name: weight.grad.clone()
        for name, weight in model.named_parameters()
        if weight.grad is not None
    }
    model.zero_grad()
    nll, count = labelled_nll(model, batch)
    (nll / count).backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad, expected[name], msg=name)


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_the_head_sees_labelled_positions_only(tiny_model: Path, kind: str) -> None:
    model = strategy_of(kind).prepare(AutoModelForCausalLM.from_pretrained(tiny_model))
    shapes = []
    head: Any = model.get_output_embeddings()
    head.register_forward_hook(lambda _head, _inputs, output: shapes.append(tuple(output.shape)))
    _, count = labelled_nll(model, batch_of(256, [12, 7, 9], prompt=3))
    assert shapes == [(count, head.out_features)]


def test_evaluation_leaves_training_untouched(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model).train()
    random = torch.get_rng_state()
    batches = [batch_of(256, [12, 7], prompt=3), batch_of(256, [5], prompt=2)]
    measured = mean_nll(model, batches)
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(weight.grad is None for weight in model.parameters())
    pairs = [labelled_nll(model.eval(), batch) for batch in batches]
    total = sum(nll.item() for nll, _ in pairs) / sum(count for _, count in pairs)
    assert measured == pytest.approx(total, rel=1e-6)
