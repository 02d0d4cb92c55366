"""CorDA's initialisation against the paper's formula in float64, and its use of general text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
import torch

from tests.strategies.cases import setup
from workbench.core.errors import BadInputError, NotFoundError
from workbench.planning.preflight import preflight, resolve_paths
from workbench.recipe import yaml_io
from workbench.runs.events import EventReader
from workbench.strategies.lora import LoraStrategy

if TYPE_CHECKING:
    from pathlib import Path

RANK = 4
DAMPING = 0.01


def inputs_of(case, base, name: str) -> list[torch.Tensor]:
    """The inputs of a matrix on each general row, ``[tokens, inputs]`` in float64."""
    context = case.context(base)
    seen: list[torch.Tensor] = []
    hook = base.get_submodule(name).register_forward_hook(
        lambda _module, inputs, _output: seen.append(inputs[0][0].double())
    )
    for row in context.general_rows(case.strategy.general_text, case.strategy.general_rows):
        with torch.no_grad():
            base(input_ids=torch.tensor([row.input_ids]))
    hook.remove()
    return seen


@pytest.mark.parametrize("rslora", [False, True])
def test_it_starts_from_what_general_text_uses_least(tiny_model: Path, rslora: bool) -> None:
    name = "model.layers.1.mlp.down_proj"
    case = setup(
        tiny_model,
        "lora",
        r=RANK,
        init_lora_weights="corda",
        use_rslora=rslora,
        target_modules=("down_proj",),
        general_rows=12,
    )
    base = case.base()
    inputs = inputs_of(case, base, name)
    assert len(inputs) == 12
    weight = base.get_submodule(name).weight.detach().double().clone()
    layer = case.prepared(base).base_model.model.get_submodule(name)
    start = layer.scaling["default"] * (
        layer.lora_B["default"].weight.double() @ layer.lora_A["default"].weight.double()
    )
    scaled = [x / x.max().abs() for x in inputs]
    covariance = cast("torch.Tensor", sum(x.T @ x for x in scaled)) / len(scaled)
    covariance += DAMPING * covariance.diagonal().mean() * torch.eye(len(covariance))
    left, singular, right = torch.linalg.svd(weight @ covariance, full_matrices=False)
    weakest = (left[:, -RANK:] * singular[-RANK:]) @ right[-RANK:] @ covariance.inverse()
    torch.testing.assert_close(start, weakest, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(layer.base_layer.weight.double(), weight - start, rtol=0, atol=1e-7)
    strongest = (left[:, :RANK] * singular[:RANK]) @ right[:RANK] @ covariance.inverse()
    every = torch.cat(inputs)
    assert (every @ start.T).norm() < 0.2 * (every @ strongest.T).norm()


def test_the_directions_are_cached_as_safetensors_only(
    tiny_model: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.strategies.layers import corda

    case = setup(tiny_model, "lora", r=RANK, init_lora_weights="corda", general_rows=8)
    first = case.prepared()
    kept = {path.suffix for path in (own_cache / "retention").rglob("*") if path.is_file()}
    assert {".safetensors"} <= kept <= {".safetensors", ".json", ".lock"}
    monkeypatch.setattr(corda, "preprocess_corda", lambda *_: pytest.fail("found twice"))
    again = case.prepared()
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    other = setup(tiny_model, "lora", r=RANK, init_lora_weights="corda", general_rows=9)
    with pytest.raises(pytest.fail.Exception, match="found twice"):
        other.prepared()


@pytest.mark.dtype
@pytest.mark.slow
def test_the_run_reports_progress_and_saves_a_plain_lora(trained) -> None:
    run, view = trained(
        "strategy.init_lora_weights=corda", "strategy.r=4", "strategy.general_rows=8"
    )
    assert view.status.state == "finished", view.status.reason
    told = [event for event in EventReader(run.events).read() if event["kind"] == "phase"]
    details = {event["detail"] for event in told if event["name"] == "calibrating on the base"}
    assert "directions that general text uses least" in details
    config = json.loads((run.model / "adapter_config.json").read_text())
    assert (config["init_lora_weights"], config["corda_config"], config["r"]) == (True, None, 8)


def test_its_general_text_is_checked_before_anything_is_loaded(
    new_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = ("strategy.init_lora_weights=corda", "strategy.general_text=nowhere.jsonl")
    with pytest.raises(NotFoundError, match=r"nowhere\.jsonl"):
        preflight(new_run(*missing).recipe())
    preflight(new_run(missing[1]).recipe())
    odd = tmp_path / "odd.jsonl"
    odd.write_text('{"colour": "red"}\n')
    monkeypatch.chdir(tmp_path)
    recipe = resolve_paths(
        new_run("strategy.init_lora_weights=corda", "strategy.general_text=odd.jsonl").recipe()
    )
    assert isinstance(recipe.strategy, LoraStrategy)
    assert recipe.strategy.general_text == str(odd)
    with pytest.raises(BadInputError, match="format not recognised"):
        preflight(recipe)


def test_the_preset_uses_corda() -> None:
    strategy = yaml_io.load_file("corda").strategy
    assert isinstance(strategy, LoraStrategy)
    assert (strategy.kind, strategy.init_lora_weights) == ("lora", "corda")
