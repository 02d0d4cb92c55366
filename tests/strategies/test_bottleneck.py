"""Bottleneck adapters against a forward pass written out by hand."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from tests.strategies.cases import IDS, logits, moving, setup, strategy_of, take_steps
from tests.tiny import Architecture, make_tiny_model
from workbench.core.errors import BadInputError
from workbench.models.model_facts import ModelFacts

if TYPE_CHECKING:
    from pathlib import Path

FORMS = ("houlsby", "pfeiffer", "parallel")
ACTIVATIONS = {"relu": functional.relu, "gelu": functional.gelu, "silu": functional.silu}


def adapted(part, name: str, hidden: torch.Tensor, activation: str) -> torch.Tensor:
    """The adapter's formula in float64, from its tensors alone."""
    weights = {key: tensor.double() for key, tensor in part.state_dict().items()}
    down, up = f"{name}.down", f"{name}.up"
    inner = hidden.double() @ weights[f"{down}.weight"].T + weights[f"{down}.bias"]
    raised = ACTIVATIONS[activation](inner) @ weights[f"{up}.weight"].T + weights[f"{up}.bias"]
    return raised.to(hidden.dtype)


def by_hand(model, base, form: str, activation: str) -> torch.Tensor:
    """A Llama block by block, with the adapters where the papers have them."""
    inner = base.model
    hidden = inner.embed_tokens(IDS)
    positions = inner.rotary_emb(hidden, torch.arange(IDS.shape[1])[None])
    mask = torch.full((IDS.shape[1],) * 2, -torch.inf).triu(1)[None, None]
    for block, own in zip(inner.layers, model.model.layers, strict=True):
        attended, _ = block.self_attn(
            block.input_layernorm(hidden), position_embeddings=positions, attention_mask=mask
        )
        if form == "houlsby":
            attended = attended + adapted(own.self_attn, "bottleneck", attended, activation)
        hidden = hidden + attended
        normed = block.post_attention_layernorm(hidden)
        forward = block.mlp(normed)
        source = normed if form == "parallel" else forward
        hidden = hidden + forward + adapted(own.mlp, "bottleneck", source, activation)
    return base.lm_head(inner.norm(hidden))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_the_forward_pass_is_the_one_in_the_papers(
    tiny_model: Path, form: str, activation: str
) -> None:
    case = setup(tiny_model, "bottleneck", form=form, non_linearity=activation, reduction_factor=4)
    model, base = case.strategy.prepare(case.base()), case.base()
    start = logits(base)
    assert torch.equal(logits(model), start)
    take_steps(model)
    with torch.no_grad():
        expected = by_hand(model, base, form, activation)
    torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-5)
    assert (expected - start).abs().max() > 1e-2


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3"])
@pytest.mark.parametrize("form", FORMS)
def test_it_starts_exactly_at_the_base(
    tmp_path: Path, architecture: Architecture, form: str
) -> None:
    case = setup(make_tiny_model(tmp_path, architecture), "bottleneck", form=form)
    base = case.base()
    before = logits(base)
    model = case.strategy.prepare(base)
    assert torch.equal(logits(model), before)
    take_steps(model)
    assert (logits(model) - before).abs().max() > 1e-2
    with case.strategy.disabled_adapter(model):
        assert torch.equal(logits(model), before)


def test_the_folder_does_not_look_like_pefts(tiny_model: Path, tmp_path: Path) -> None:
    case = setup(tiny_model, "bottleneck", form="houlsby", reduction_factor=8)
    model = case.strategy.prepare(case.base())
    case.strategy.save(model, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "bottleneck.json",
        "bottleneck.safetensors",
    }
    config = json.loads((tmp_path / "bottleneck.json").read_text())
    assert config == {
        "kind": "bottleneck",
        "form": "houlsby",
        "reduction_factor": 8,
        "non_linearity": "relu",
    }
    tensors = load_file(tmp_path / "bottleneck.safetensors")
    assert sum(tensor.numel() for tensor in tensors.values()) == moving(model)
    assert tensors["model.layers.1.self_attn.bottleneck.down.weight"].shape == (4, 32)


def test_a_base_in_bfloat16_keeps_its_dtype(tiny_model: Path) -> None:
    case = setup(tiny_model, "bottleneck")
    base = case.base(dtype=torch.bfloat16)
    before = logits(base)
    model = case.strategy.prepare(base)
    assert torch.equal(logits(model), before)
    assert before.dtype == torch.bfloat16
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


def test_a_copy_uses_its_own_adapters(tiny_model: Path) -> None:
    case = setup(tiny_model, "bottleneck")
    model = case.strategy.prepare(case.base())
    other = copy.deepcopy(model)
    take_steps(other)
    assert (logits(other) - logits(model)).abs().max() > 1e-2


def test_adapters_of_another_form_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    one, other = (setup(tiny_model, "bottleneck", form=form) for form in ("houlsby", "pfeiffer"))
    one.strategy.save(one.strategy.prepare(one.base()), tmp_path)
    with pytest.raises(BadInputError, match="belong to another model or form"):
        other.strategy.load(other.base(), tmp_path)


def test_a_model_without_blocks_is_refused() -> None:
    facts = ModelFacts(
        source="odd",
        architecture="Odd",
        model_type="odd",
        parameters=4,
        layers=1,
        hidden_size=2,
        vocabulary=1,
        context=1,
        dtype="float32",
        shapes={"stage.0.mixer.weight": (2, 2)},
    )
    with pytest.raises(BadInputError, match="bottleneck adapters need attention and MLP modules"):
        strategy_of("bottleneck").trainable_parameters(facts)
