"""Results at other strengths: exact at both ends, linear between, refused if not scalable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForCausalLM

from workbench.chat.engine.loader import open_sources
from workbench.chat.protocol import Source
from workbench.cli.root import ftwb
from workbench.core.errors import BadInputError
from workbench.evaluation.report import read_report
from workbench.evaluation.run.reevaluate import reevaluate
from workbench.interpolation.strength import save_at_strength

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs

KINDS = {"full": (), "lora": (), "freeze": ("strategy.layers=1",)}


def weights(run: RunFolder, base: Path) -> dict[str, torch.Tensor]:
    """Every weight of a result, adapters merged."""
    recipe = run.recipe()
    model = recipe.strategy.load(AutoModelForCausalLM.from_pretrained(base), run.model)
    if recipe.strategy.kind == "lora":
        model = model.merge_and_unload()
    return model.state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0, 1.5])
def test_weights_lie_on_the_line(
    trained: Callable[..., tuple[RunFolder, object]],
    runs: Runs,
    tiny_model: Path,
    kind: str,
    alpha: float,
) -> None:
    run, _ = trained(f"strategy.kind={kind}", *KINDS[kind])
    start = AutoModelForCausalLM.from_pretrained(tiny_model).state_dict()
    tuned = weights(run, tiny_model)
    scaled = save_at_strength(runs, run, alpha, lambda *_: None)
    scaled_weights = weights(scaled, tiny_model)
    assert any(not torch.equal(tuned[name], start[name]) for name in tuned)
    for name, tensor in scaled_weights.items():
        expected = start[name] + alpha * (tuned[name] - start[name])
        assert torch.allclose(tensor, expected, atol=1e-6), name


def test_the_new_run_names_its_source(
    trained: Callable[..., tuple[RunFolder, object]], runs: Runs
) -> None:
    run, _ = trained("strategy.kind=full")
    before = (run.model / "model.safetensors").read_bytes()
    done = CliRunner().invoke(
        ftwb, ["--runs-dir", str(runs.root), "strength", run.id, "--alpha", "0.5", "--json"]
    )
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert shown["state"] == "finished"
    scaled = runs.find(shown["id"])
    assert scaled.recipe().description == f"Strength 0.5 of {run.id}."
    assert scaled.has_result()
    assert (scaled.base / "fingerprint.safetensors").exists()
    assert (run.model / "model.safetensors").read_bytes() == before
    assert len(runs.list()) == 2
    assert not list(runs.root.glob(".strength*"))


def test_the_base_is_found_at_strength_0_and_the_chat_opens_it(
    trained: Callable[..., tuple[RunFolder, object]], runs: Runs
) -> None:
    run, _ = trained("training.max_steps=2", "evaluation.general_text=preset:general_heldout")
    scaled = save_at_strength(runs, run, 0.0, lambda *_: None)
    reevaluate(scaled, lambda *_: None)
    assert max(text.kl for text in read_report(scaled).after.general) < 1e-6
    assert max(text.kl for text in read_report(run).after.general) > 1e-6
    lanes = open_sources([Source(lane="tuned", run=str(scaled.path))], lambda *_: None).lanes
    assert [lane.name for lane in lanes.all] == ["base", "tuned"]


def test_results_that_cannot_be_scaled_are_refused(
    new_run: Callable[..., RunFolder], runs: Runs
) -> None:
    run = new_run("strategy.kind=ia3")
    with pytest.raises(BadInputError, match="ia3 results cannot be scaled"):
        save_at_strength(runs, run, 0.5, lambda *_: None)


def test_a_run_without_a_result_is_refused(new_run: Callable[..., RunFolder], runs: Runs) -> None:
    with pytest.raises(BadInputError, match="has no result to scale"):
        save_at_strength(runs, new_run(), 0.5, lambda *_: None)
