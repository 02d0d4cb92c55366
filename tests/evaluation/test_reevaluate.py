"""Evaluating a run that has ended."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from safetensors.torch import load_file, save_file

from tests.tiny import make_tiny_model
from workbench.core.errors import BadInputError, NotFoundError
from workbench.evaluation.fingerprint import read_fingerprint
from workbench.evaluation.report import read_report, read_report_file
from workbench.evaluation.run.baseline_cache import read_baseline
from workbench.evaluation.run.reevaluate import reevaluate
from workbench.runs.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]


def silent(*_: object) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "lora", "prompt_tuning"])
def test_evaluating_again_gives_the_same_report(
    trained: Train, probed: tuple[str, ...], kind: str
) -> None:
    run, view = trained(f"strategy.kind={kind}", *probed)
    assert view.status.state == "finished", view.status.reason
    first = read_report(run)
    run.report.unlink()
    assert reevaluate(run, silent) == run.report
    again = read_report(run)
    assert again.before == first.before
    assert again.after.items == first.after.items
    assert again.after.answers == first.after.answers
    for one, other in zip(again.after.general, first.after.general, strict=True):
        assert other.kl == pytest.approx(one.kl, abs=1e-6)
    assert again.notes == ()


def test_a_run_without_a_stored_base_is_measured_with_a_note(
    trained: Train, probed: tuple[str, ...]
) -> None:
    run, _ = trained("strategy.kind=full", *probed)
    first = read_report(run)
    shutil.rmtree(run.base)
    reevaluate(run, silent)
    report = read_report(run)
    assert report.before == first.before
    assert "measured after training, from the untouched base" in report.notes[0]
    assert read_baseline(run.base) is not None
    assert read_fingerprint(run.base).late, (
        "these logits prove nothing about the base before training"
    )


def test_another_size_than_the_recipes_can_be_asked(
    trained: Train, probed: tuple[str, ...]
) -> None:
    run, _ = trained(*probed)
    file = run.base / "fingerprint.safetensors"
    save_file({"logits": load_file(file)["logits"] * 1.01}, file)
    first = file.read_bytes()
    reevaluate(run, silent, "standard")
    assert file.read_bytes() == first, "the fingerprint from before training is kept"
    report = read_report(run)
    assert report.size == "standard"
    assert len(report.before.items) == len(report.after.items) == 8 + 4
    reevaluate(run, silent)
    assert len(read_report(run).after.items) == 6 + 3


def test_a_checkpoint_has_its_own_report(trained: Train, probed: tuple[str, ...]) -> None:
    run, _ = trained("strategy.kind=full", "training.save_steps=3", *probed)
    whole = read_report(run)
    file = reevaluate(run, silent, checkpoint=3)
    assert file == run.checkpoints / "step-3" / "report.json"
    part = read_report_file(file)
    assert part.before == whole.before
    assert sum(text.kl for text in part.after.general) > 0
    assert part.after.general != whole.after.general
    assert read_report(run) == whole


@pytest.mark.dtype
@pytest.mark.slow
def test_a_result_that_was_exchanged_is_not_measured(trained: Train) -> None:
    run, _ = trained("training.save_steps=3", "training.learning_rate=0.01")
    before = run.report.read_bytes()
    shutil.rmtree(run.model)
    (run.checkpoints / "step-3").rename(run.model)
    with pytest.raises(BadInputError, match=r"not the result of .*: its logits differ from those"):
        reevaluate(run, silent)
    assert run.report.read_bytes() == before


def test_live_runs_and_missing_results_are_refused(
    new_run: Callable[..., RunFolder], trained: Train
) -> None:
    run = new_run()
    Status.of_this_process(state="running").save(run.status_file)
    with pytest.raises(BadInputError, match="is running: wait until it has ended"):
        reevaluate(run, silent)
    Status(state="failed").save(run.status_file)
    with pytest.raises(NotFoundError, match="is failed and has no result to measure"):
        reevaluate(run, silent)
    done, _ = trained("training.save_steps=3")
    with pytest.raises(NotFoundError, match="no checkpoint of step 4; available: 3, 6"):
        reevaluate(done, silent, checkpoint=4)


def test_another_base_is_refused(trained: Train, probed: tuple[str, ...], tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "model", seed=3)
    run, _ = trained(*probed, f"model.id={model}")
    shutil.rmtree(model)
    make_tiny_model(model, seed=4)
    with pytest.raises(BadInputError, match=r"is not the one .* its logits differ"):
        reevaluate(run, silent)
