"""Layer freezing: what is trained, what is computed, what is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from tests.strategies.cases import IDS, logits, setup, snapshot, strategy_of, take_steps
from tests.tiny import make_tiny_model
from workbench.chat.engine.lanes import twin
from workbench.core.errors import BadInputError
from workbench.models.describing import read_facts
from workbench.models.smollm2 import facts as smollm2_facts
from workbench.recipe.model import ModelSection
from workbench.recipe.training import TrainingSection

if TYPE_CHECKING:
    from pathlib import Path


def trained(model) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_both_ways_of_choosing_layers_agree(tiny_model: Path) -> None:
    last = setup(tiny_model, "freeze", choose="train_last", layers=1)
    first = setup(tiny_model, "freeze", choose="freeze_first", layers=1)
    names = trained(last.strategy.prepare(last.base()))
    assert names == trained(first.strategy.prepare(first.base()))
    assert {name for name in names if ".layers." not in name} == {"model.norm.weight"}
    assert {name.split(".")[2] for name in names if ".layers." in name} == {"1"}


def test_the_backward_pass_ends_at_the_lowest_trained_layer(tiny_model: Path) -> None:
    case = setup(tiny_model, "freeze", layers=1)
    model = case.strategy.prepare(case.base()).train()
    outputs: dict[str, torch.Tensor] = {}
    for name in ("embed_tokens", "layers.0", "layers.1"):
        model.model.get_submodule(name).register_forward_hook(
            lambda _m, _i, output, name=name: outputs.update({name: output})
        )
    model(input_ids=IDS, labels=IDS).loss.backward()
    assert not outputs["embed_tokens"].requires_grad
    assert not outputs["layers.0"].requires_grad
    assert outputs["layers.0"].grad_fn is None
    assert outputs["layers.1"].grad_fn is not None
    assert {name for name, p in model.named_parameters() if p.grad is not None} == trained(model)


def test_only_what_was_trained_is_saved_and_the_rest_is_the_base(
    tiny_model: Path, tmp_path: Path
) -> None:
    case = setup(tiny_model, "freeze", choose="patterns", patterns=("layers.1.mlp", "re:q_proj"))
    base = case.base()
    tensors = snapshot(base)
    model = case.strategy.prepare(base)
    take_steps(model)
    case.strategy.save(model, tmp_path)
    saved = load_file(tmp_path / "changed.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["changed.safetensors"]
    assert set(saved) == trained(model)
    assert len(saved) == 3 + 2
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, saved.get(name, tensors[name])), name


def test_the_base_beside_it_shares_what_did_not_change(tiny_model: Path, tmp_path: Path) -> None:
    case = setup(tiny_model, "freeze", layers=1)
    model = case.strategy.prepare(case.base())
    take_steps(model)
    case.strategy.save(model, tmp_path)
    base = case.base()
    before = logits(base)
    tuned = case.strategy.load(twin(base), tmp_path)
    assert torch.equal(logits(base), before)
    assert torch.equal(logits(tuned), logits(model))
    shared = {
        name
        for name, parameter in tuned.named_parameters()
        if parameter.data_ptr() == base.get_parameter(name).data_ptr()
    }
    assert shared == {name for name, _ in base.named_parameters()} - trained(model)


def test_a_tied_head_is_the_embedding_and_both_switches_must_agree(
    tiny_model: Path, tmp_path: Path
) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    for fields in ({"head": True}, {"embeddings": True}):
        with pytest.raises(BadInputError, match="both on or both off"):
            strategy_of("freeze", layers=1, **fields).check(facts, TrainingSection())
    case = setup(tiny_model, "freeze", layers=0, embeddings=True, head=True)
    assert case.strategy.trainable_parameters(facts) == facts.vocabulary * 32
    model = case.strategy.prepare(case.base())
    take_steps(model)
    case.strategy.save(model, tmp_path)
    tuned = case.strategy.load(case.base(), tmp_path)
    assert tuned.lm_head.weight is tuned.model.embed_tokens.weight
    assert torch.equal(logits(tuned), logits(model))


def test_an_untied_head_is_distinguished_from_the_embedding(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path, "qwen3")
    head = setup(folder, "freeze", layers=0, head=True)
    assert trained(head.strategy.prepare(head.base())) == {"lm_head.weight"}
    embeddings = setup(folder, "freeze", layers=0, embeddings=True)
    assert trained(embeddings.strategy.prepare(embeddings.base())) == {"model.embed_tokens.weight"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layers": 3}, "the model has 2 layers, but 3 are asked for"),
        ({"choose": "freeze_first", "layers": 3}, "the model has 2 layers, but 3 are asked for"),
        ({"choose": "freeze_first", "layers": 2}, "nothing is left to train"),
        ({"layers": 0}, "nothing is left to train"),
        ({"choose": "patterns"}, "'nothing' matches no tensor"),
        ({"choose": "patterns", "patterns": ("mlp", "layers.9")}, "'layers.9' matches no tensor"),
    ],
)
def test_impossible_choices_are_refused_from_facts(tiny_model: Path, fields, message: str) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    with pytest.raises(BadInputError, match=message):
        strategy_of("freeze", **fields).check(facts, TrainingSection())


def test_the_last_four_layers_of_the_demo_model() -> None:
    per_layer = 576 * (576 + 192 + 192 + 576) + 3 * 576 * 1536 + 2 * 576
    counted = strategy_of("freeze", layers=4).trainable_parameters(smollm2_facts("demo"))
    assert counted == 4 * per_layer + 576


def test_layers_of_another_model_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    other = setup(make_tiny_model(tmp_path / "other", width=64), "freeze", layers=1)
    other.strategy.save(other.strategy.prepare(other.base()), tmp_path / "result")
    case = setup(tiny_model, "freeze", layers=1)
    with pytest.raises(BadInputError, match="belong to another model"):
        case.strategy.load(case.base(), tmp_path / "result")
