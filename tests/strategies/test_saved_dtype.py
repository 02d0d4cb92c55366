"""Results that hold the base's own weights are saved in the number format of its files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.strategies.cases import logits, setup, snapshot, take_steps
from tests.tiny import make_tiny_model
from workbench.evaluation.report import read_report
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

FIELDS = {"full": {}, "freeze": {"layers": 1}}


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A tiny Llama whose files are in bfloat16."""
    whole, folder = make_tiny_model(tmp_path / "whole"), tmp_path / "half"
    AutoModelForCausalLM.from_pretrained(whole, dtype=torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(whole).save_pretrained(folder)
    return folder


def dtypes_in(folder: Path) -> set[torch.dtype]:
    (file,) = folder.glob("*.safetensors")
    return {tensor.dtype for tensor in load_file(file).values()}


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize(
    ("save_dtype", "dtype"), [("base", torch.bfloat16), ("float32", torch.float32)]
)
def test_a_result_on_a_16_bit_base(
    kind: str, save_dtype: str, dtype: torch.dtype, half: Path, tmp_path: Path
) -> None:
    case = setup(half, kind, save_dtype=save_dtype, **FIELDS[kind])
    model = case.prepared()
    assert model.dtype == torch.float32
    take_steps(model)
    trained = snapshot(model)
    case.strategy.save(model, tmp_path / "checkpoint")
    assert all(torch.equal(trained[name], tensor) for name, tensor in snapshot(model).items())
    finished = case.strategy.finish(model)
    case.strategy.save(finished, tmp_path / "result")
    assert dtypes_in(tmp_path / "checkpoint") == dtypes_in(tmp_path / "result") == {dtype}
    assert torch.equal(
        logits(case.strategy.load(case.base(), tmp_path / "result")), logits(finished)
    )
    for name, tensor in snapshot(finished).items():
        assert torch.equal(tensor, trained[name].to(dtype).to(torch.float32))


def test_a_full_result_is_no_larger_than_its_base(half: Path, tmp_path: Path) -> None:
    case = setup(half, "full")
    case.strategy.save(case.prepared(), tmp_path / "result")
    size = (tmp_path / "result" / "model.safetensors").stat().st_size
    assert size == (half / "model.safetensors").stat().st_size
    assert json.loads((tmp_path / "result" / "config.json").read_text())["dtype"] == "bfloat16"
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "result")
    assert plain.dtype == torch.bfloat16


@pytest.mark.slow
@pytest.mark.parametrize("kind", FIELDS)
def test_what_is_measured_is_the_result_as_it_is_saved(
    kind: str, half: Path, new_run: Callable[..., RunFolder]
) -> None:
    fields = [f"strategy.{name}={value}" for name, value in FIELDS[kind].items()]
    run = new_run(f"model.id={half}", f"strategy.kind={kind}", *fields, "training.max_steps=4")
    assert train_run(run) == 0, run.status().reason
    assert dtypes_in(run.model) == {torch.bfloat16}
    report = read_report(run)
    assert report.after.heldout_nll != report.before.heldout_nll
