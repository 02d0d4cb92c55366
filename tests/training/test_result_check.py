"""A saved result counts only if, read back from its folder, it is the trained model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from tests.strategies.cases import Setup, setup, take_steps
from tests.tiny import make_tiny_model
from workbench.core.errors import RunFailedError
from workbench.evaluation.fingerprint import Numerics, read_fingerprint, take_fingerprint
from workbench.recipe.recipe import STRATEGIES
from workbench.runs import checkpoints
from workbench.training import worker
from workbench.training.result_check import ResultRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder

FIELDS: dict[str, dict[str, object]] = {
    **{kind: {} for kind in STRATEGIES},
    "freeze": {"layers": 1},
    "lora-pissa": {"init_lora_weights": "pissa"},
    "lora-olora": {"init_lora_weights": "olora"},
}


def tuned(folder: Path, variant: str, *, steps: int = 4) -> tuple[Setup, Any]:
    torch.manual_seed(0)
    case = setup(folder, variant.partition("-")[0], **FIELDS[variant])
    model = case.prepared()
    take_steps(model, steps)
    return case, model


def read_back(case: Setup, record: ResultRecord, folder: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(case.folder)
    return record.read_back(case.strategy, case.base(), folder, tokenizer)


def recorded(case: Setup, model: Any) -> ResultRecord:
    return ResultRecord.of(case.strategy, model, AutoTokenizer.from_pretrained(case.folder))


def change_one_number(folder: Path) -> None:
    """Change the last number of the last tensor by the least possible amount."""
    (file,) = folder.glob("*.safetensors")
    tensors = load_file(file)
    last = tensors[max(tensors)].view(-1)
    last[-1] = torch.nextafter(last[-1], torch.tensor(torch.inf))
    save_file(tensors, file, metadata={"format": "pt"})


def truncate(folder: Path) -> None:
    (file,) = folder.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-16])


def drop_a_tensor(folder: Path) -> None:
    (file,) = folder.glob("*.safetensors")
    tensors = load_file(file)
    del tensors[max(tensors)]
    save_file(tensors, file, metadata={"format": "pt"})


@pytest.mark.slow
@pytest.mark.parametrize("variant", FIELDS)
def test_only_the_trained_model_is_accepted(variant: str, wide_model: Path, tmp_path: Path) -> None:
    case, model = tuned(wide_model, variant)
    record = recorded(case, model)
    for damage in (change_one_number, truncate, drop_a_tensor):
        folder = tmp_path / damage.__name__
        case.strategy.save(model, folder)
        damage(folder)
        with pytest.raises(RunFailedError, match=r"other numbers|cannot be loaded|lacks"):
            read_back(case, record, folder)
    case.strategy.save(model, tmp_path / "whole")
    found = read_back(case, record, tmp_path / "whole")
    logits = take_fingerprint(found, AutoTokenizer.from_pretrained(wide_model))
    assert record.fingerprint.distance(logits) < (1e-6 if "-" in variant else 1e-9)


@pytest.mark.parametrize("variant", FIELDS)
def test_the_result_of_another_run_is_refused(
    variant: str, wide_model: Path, tmp_path: Path
) -> None:
    case, model = tuned(wide_model, variant)
    record = recorded(case, model)
    other, further = tuned(wide_model, variant, steps=5)
    other.strategy.save(further, tmp_path)
    with pytest.raises(RunFailedError, match="holds other numbers"):
        read_back(case, record, tmp_path)


def test_right_tensors_under_another_config_are_refused(wide_model: Path, tmp_path: Path) -> None:
    case, model = tuned(wide_model, "lora")
    case.strategy.save(model, tmp_path)
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "lora_alpha": 17}))
    with pytest.raises(RunFailedError, match="its tensors are right, but it answers differently"):
        read_back(case, recorded(case, model), tmp_path)


def test_a_model_that_overflows_is_not_a_result(wide_model: Path) -> None:
    case, model = tuned(wide_model, "full")
    with torch.no_grad():
        model.model.norm.weight.fill_(3e38)
    with pytest.raises(RunFailedError, match="numbers that are not finite in float32 on cpu"):
        recorded(case, model)


@pytest.fixture
def damaged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first result to be saved is changed behind the worker's back."""
    save, times = worker.save_result, iter((change_one_number,))

    def save_and_damage(strategy: Any, model: Any, folder: Path, complete: Any) -> None:
        save(strategy, model, folder, complete)
        for damage in times:
            damage(folder)

    monkeypatch.setattr(worker, "save_result", save_and_damage)


@pytest.mark.slow
@pytest.mark.usefixtures("damaged_once")
def test_a_damaged_result_fails_the_run_which_resumes_from_its_checkpoint(
    new_run: Callable[..., RunFolder],
) -> None:
    run = new_run("training.max_steps=4", "training.save_steps=2")
    assert worker.train_run(run) == 1
    assert run.status().state == "failed"
    reason = run.status().reason
    assert reason.startswith("the saved result is not the model that was trained: ")
    assert f"'ftwb resume {run.id}' continues from the checkpoint of step 4" in reason
    assert not run.has_result()
    assert not run.report.exists()
    assert list(run.rejected.glob("*.safetensors"))
    assert checkpoints.steps(run)[0] == 4
    assert worker.train_run(run, resume=True) == 0
    assert run.status().state == "finished"
    assert run.report.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("damaged_once")
def test_without_a_checkpoint_the_advice_is_to_start_over(
    new_run: Callable[..., RunFolder],
) -> None:
    run = new_run("training.max_steps=2", "training.save_steps=0")
    assert worker.train_run(run) == 1
    assert f"'ftwb train {run.recipe_file}' starts over" in run.status().reason


@pytest.mark.slow
def test_a_base_that_changed_meanwhile_leaves_the_result_unchecked(
    new_run: Callable[..., RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_tiny_model(tmp_path / "base")
    save = worker.save_result

    def save_and_exchange_base(*args: Any) -> None:
        save(*args)
        make_tiny_model(base, seed=1)

    monkeypatch.setattr(worker, "save_result", save_and_exchange_base)
    run = new_run(f"model.id={base}", "training.max_steps=2")
    assert worker.train_run(run) == 1
    reason = run.status().reason
    assert reason.startswith("the result is saved but could not be checked: the base model is not")
    assert f"'ftwb evaluate {run.id}' checks and measures it" in reason
    assert run.has_result()
    assert read_fingerprint(run.tuned) is not None


@pytest.mark.slow
def test_the_logits_of_the_result_are_kept(new_run: Callable[..., RunFolder]) -> None:
    run = new_run("training.max_steps=2", "strategy.kind=full")
    assert worker.train_run(run) == 0
    kept = read_fingerprint(run.tuned)
    assert kept is not None
    case = setup(Path(run.recipe().model.id), "full")
    model = case.strategy.load(case.base(), run.model)
    logits = take_fingerprint(model, AutoTokenizer.from_pretrained(case.folder))
    assert kept.matches(logits, Numerics.of(model))
    before = read_fingerprint(run.base)
    assert before is not None
    assert not before.matches(kept.logits, Numerics.of(model))
