"""OSF keeps the strong directions; IA3 scales what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.strategies.cases import IDS, logits, setup, strategy_of, take_steps
from tests.tiny import Architecture, make_tiny_model
from workbench.core.errors import BadInputError
from workbench.models.describing import read_facts
from workbench.recipe.model import ModelSection
from workbench.recipe.training import TrainingSection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def change_by_osf(folder: Path, optimizer: Callable[..., torch.optim.Optimizer], rate: float):
    """What training adds to a matrix, and the matrix' singular vectors, in float64."""
    case = setup(folder, "osf", effective_rank=0.25, target_modules=("up_proj",))
    base = case.base()
    weight = base.model.layers[0].mlp.up_proj.weight.detach().clone()
    model = case.strategy.prepare(base)
    stepper = optimizer([p for p in model.parameters() if p.requires_grad], lr=rate)
    for _ in range(4):
        model(input_ids=IDS, labels=IDS).loss.backward()
        stepper.step()
        stepper.zero_grad()
    part = model.base_model.model.model.layers[0].mlp.up_proj
    assert torch.equal(part.base_layer.weight, weight)
    left, _, right = torch.linalg.svd(weight.double(), full_matrices=False)
    return part.get_delta_weight("default").detach().double(), left[:, :8], right[:8]


def test_osf_projects_gradients_away_from_the_strong_directions(tiny_model: Path) -> None:
    change, left, right = change_by_osf(tiny_model, torch.optim.SGD, 1.0)
    assert change.norm() > 1e-3
    assert (left.T @ change).norm() < 1e-4 * change.norm()
    assert (change @ right.T).norm() < 1e-4 * change.norm()


def test_adamw_lets_part_of_osfs_steps_leak_into_them(tiny_model: Path) -> None:
    """The card says so; when this fails, PEFT has closed the gap and the card may promise more."""
    change, left, _ = change_by_osf(tiny_model, torch.optim.AdamW, 0.01)
    assert 0.01 * change.norm() < (left.T @ change).norm() < 0.5 * change.norm()


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_osf_counts_what_peft_trains(tiny_model: Path, share: float) -> None:
    case = setup(tiny_model, "osf", effective_rank=share, target_modules="mlp")
    model = case.strategy.prepare(case.base())
    moving = sum(p.numel() for p in model.parameters() if p.requires_grad)
    free = 32 - int(32 * share)
    assert moving == 2 * 3 * free * (32 + 64 + 1)
    facts = read_facts(ModelSection(id=str(tiny_model)))
    assert case.strategy.trainable_parameters(facts) == moving


def test_osf_is_refused_where_peft_would_skip_every_matrix(tmp_path: Path) -> None:
    facts = read_facts(ModelSection(id=str(make_tiny_model(tmp_path, "gpt2"))))
    with pytest.raises(BadInputError, match="osf does not work on gpt2"):
        strategy_of("osf").check(facts, TrainingSection())


def test_osf_must_keep_at_least_one_direction(tiny_model: Path) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    with pytest.raises(BadInputError, match=r"0\.01 of 16 directions freezes none|0\.01 of 32"):
        strategy_of("osf", effective_rank=0.01).check(facts, TrainingSection())


@pytest.mark.parametrize(
    ("architecture", "outputs", "inputs"),
    [
        ("llama", ("k_proj", "v_proj"), "down_proj"),
        ("gpt2", ("c_attn",), "mlp.c_proj"),
        ("gemma3", ("k_proj", "v_proj"), "down_proj"),
    ],
)
def test_ia3_scales_outputs_and_inputs_of_the_usual_matrices(
    tmp_path: Path, architecture: Architecture, outputs: tuple[str, ...], inputs: str
) -> None:
    case = setup(make_tiny_model(tmp_path, architecture), "ia3")
    start = logits(case.base())
    model = case.strategy.prepare(case.base())
    torch.testing.assert_close(logits(model), start, rtol=0, atol=0)
    take_steps(model, learning_rate=0.1)
    found = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert len(found) == 2 * (len(outputs) + 1)
    reference = case.base()
    with torch.no_grad():
        for name, factor in found.items():
            plain = name.removeprefix("base_model.model.").partition(".ia3_l")[0]
            matrix = reference.get_submodule(plain)
            stored = matrix.weight.T if architecture == "gpt2" else matrix.weight
            if plain.endswith(inputs):
                stored *= factor.reshape(1, -1)
            else:
                assert plain.endswith(outputs)
                stored *= factor.reshape(-1, 1)
                if matrix.bias is not None:
                    matrix.bias *= factor.reshape(-1)
    torch.testing.assert_close(logits(model), logits(reference), rtol=1e-4, atol=1e-5)
    assert (logits(model) - start).abs().max() > 1e-3


def test_ia3_accepts_names_and_refuses_unknown_ones(tiny_model: Path) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    chosen = {"target_modules": ("q_proj", "o_proj"), "feedforward_modules": ("re:o_proj$",)}
    named = strategy_of("ia3", **chosen)
    assert named.trainable_parameters(facts) == 2 * (32 + 32)
    case = setup(tiny_model, "ia3", **chosen)
    model = case.strategy.prepare(case.base())
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 2 * (32 + 32)
    assert model(input_ids=IDS).logits.isfinite().all()
    with pytest.raises(BadInputError, match=r"strategy\.feedforward_modules: 'fc9' matches"):
        strategy_of("ia3", feedforward_modules=("fc9",)).check(facts, TrainingSection())
    with pytest.raises(BadInputError, match=r"o_proj is not in strategy\.target_modules"):
        strategy_of("ia3", **chosen | {"target_modules": ("q_proj",)}).check(
            facts, TrainingSection()
        )
