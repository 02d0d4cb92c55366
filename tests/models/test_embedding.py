"""Tokens that were added without a resize get rows, the same each time, and these are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.strategies.cases import strategy_of
from tests.tiny import make_tiny_model
from workbench.models.embedding import add_rows, added_rows, embedding_rows
from workbench.models.loading import load_base
from workbench.recipe.model import ModelSection
from workbench.strategies.low_rank import LowRankStrategy

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

ADDED = ["<part>", "</part>"]


@pytest.fixture(params=["llama", "gemma3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model whose tokenizer has two tokens more than its embedding has rows."""
    made = make_tiny_model(tmp_path, request.param)
    tokenizer = AutoTokenizer.from_pretrained(made)
    tokenizer.add_tokens(ADDED)
    tokenizer.save_pretrained(made)
    return made


def load(folder: Path) -> PreTrainedModel:
    section = ModelSection(id="m", resize_embeddings=True)
    return load_base(section, folder, device=torch.device("cpu"), dtype=torch.float32)


def test_missing_rows_are_the_mean_of_the_others(folder: Path) -> None:
    untouched = AutoModelForCausalLM.from_pretrained(folder)
    rows = embedding_rows(untouched)
    for model in (load(folder), load(folder)):
        weight: Any = model.get_input_embeddings().weight
        assert len(weight) == rows + 2
        old: Any = untouched.get_input_embeddings().weight
        assert torch.equal(weight[:rows], old)
        assert torch.allclose(weight[rows:], old.mean(dim=0).expand(2, -1))
        assert set(map(tuple, added_rows(model).values())) == {(rows, rows + 1)}


def test_a_model_with_enough_rows_is_left_alone(folder: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    rows = embedding_rows(model)
    add_rows(model, rows)
    assert embedding_rows(model) == rows
    assert added_rows(model) == {}


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_the_new_rows_are_trained_saved_and_loaded(folder: Path, tmp_path: Path, kind: str) -> None:
    strategy = strategy_of(kind)
    rows = embedding_rows(AutoModelForCausalLM.from_pretrained(folder))
    ids = torch.tensor([[5, rows, 6, rows + 1, 7]])
    base = load(folder)
    with torch.no_grad():
        before = base(ids).logits
    tuned: Any = strategy.prepare(base)
    optimiser = torch.optim.SGD([p for p in tuned.parameters() if p.requires_grad], lr=1.0)
    tuned(input_ids=ids, labels=ids).loss.backward()
    optimiser.step()
    result = tmp_path / "result"
    strategy.save(tuned, result)
    loaded: Any = strategy.load(load(folder), result)
    with torch.no_grad():
        expected, again = tuned(ids).logits, loaded(ids).logits
    assert torch.allclose(again, expected, atol=1e-6)
    assert not torch.allclose(again[..., rows:], before[..., rows:], atol=1e-4)
    if isinstance(strategy, LowRankStrategy):
        assert strategy.module_deltas(loaded) is None
        with strategy.disabled_adapter(loaded), torch.no_grad():
            assert torch.equal(loaded(ids).logits, before)
