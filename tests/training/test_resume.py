"""A run that is resumed from a checkpoint is the run that was never interrupted, bit for bit."""

from __future__ import annotations

import errno
import json
import random
import shutil
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests.tiny import CHAT_TEMPLATE
from tests.training.live_runs import (
    after,
    assert_same_run,
    die_at,
    kinds_at,
    notices_of,
    numbers_of,
    steps_of,
    stop_at,
)
from workbench.core import files
from workbench.core.errors import BadInputError, NotFoundError
from workbench.data import template_settings
from workbench.planning import resume_launch
from workbench.planning.resume_launch import resume
from workbench.runs import checkpoints, control
from workbench.runs.checkpoints import choose, folder_of, steps
from workbench.runs.status import Status
from workbench.runs.view import RunFollower
from workbench.training.checkpoint.state_io import load_state, save_state
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

pytestmark = pytest.mark.slow

STEPS = 9
LONG = (f"training.max_steps={STEPS}", "training.micro_batch_size=5", "strategy.lora_dropout=0.1")
FULL = ("strategy.kind=full", f"training.max_steps={STEPS}", "training.micro_batch_size=5")
GUARDED = (
    "retention.replay.answers=dataset",
    "retention.replay.share=0.4",
    "evaluation.retention_steps=2",
)
STOPPED: dict[str, tuple[str, ...]] = {
    "full": (*FULL, "training.optim=adafactor"),
    "lora": (*LONG, "training.gradient_accumulation_steps=2"),
    "pissa": (*LONG, "strategy.init_lora_weights=pissa", "retention.l2sp=true"),
    "qlora": (
        *LONG,
        "strategy.kind=qlora",
        "strategy.lora_dropout=0.1",
        "training.optim=adamw_8bit",
    ),
}
KILLED: dict[str, tuple[str, ...]] = {
    "ewc_replay": (*FULL, *GUARDED, "retention.ewc=true"),
    "kl_budget": (*LONG, *GUARDED, "retention.kl=true", "retention.budget.action=rollback"),
    "early_stopping": (
        *LONG,
        "training.learning_rate=0.2",
        "retention.early_stopping.patience=2",
        "training.eval_steps=1",
    ),
}


@pytest.fixture
def sources(general: Path) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Name the general text of the protections that are on."""

    def named(case: tuple[str, ...]) -> tuple[str, ...]:
        kinds = [kind for kind in ("replay", "ewc", "kl") if f"retention.{kind}" in str(case)]
        named = [f"retention.{kind}.source={general}" for kind in kinds]
        switched = [f"retention.{kind}=true" for kind in ("ewc", "kl")]
        kept = tuple(value for value in case if value not in switched)
        return (*kept, *named, f"evaluation.general_text={general}" if kinds else "name=tiny")

    return named


@pytest.mark.parametrize("case", STOPPED)
def test_a_stopped_run_resumes_as_if_it_had_never_stopped(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    whole, broken = new_run(*STOPPED[case]), new_run(*STOPPED[case])
    assert train_run(whole) == 0
    step = random.Random(case).randrange(1, STEPS)  # noqa: S311 - a moment, not a secret
    with monkeypatch.context() as patch:
        stop_at(step, broken, patch)
        assert train_run(broken) == 0
    assert broken.status().state == "stopped"
    assert steps(broken) == [step]
    assert broken.has_result()
    assert train_run(broken, resume=True) == 0
    assert_same_run(broken, whole)


@pytest.mark.parametrize("case", KILLED)
def test_a_broken_run_resumes_from_its_newest_checkpoint(
    new_run: NewRun,
    sources: Callable[[tuple[str, ...]], tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    recipe = (*sources(KILLED[case]), "training.save_steps=2")
    whole, broken = new_run(*recipe), new_run(*recipe)
    assert train_run(whole) == 0
    last = max(step for kind, step in numbers_of(whole) if kind == "train")
    step = random.Random(case).randrange(3, last)  # noqa: S311 - a moment, not a secret
    with monkeypatch.context() as patch:
        die_at(step, patch)
        assert train_run(broken) == 1
    assert broken.status().state == "failed"
    assert choose(broken).step == step - step % 2
    assert train_run(broken, resume=True) == 0
    assert_same_run(broken, whole)


def test_a_stopped_run_is_judged_after_its_checkpoint(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = (*LONG, "retention.early_stopping.patience=1", "training.eval_steps=4")
    whole, broken = new_run(*recipe), new_run(*recipe)
    assert train_run(whole) == 0
    with monkeypatch.context() as patch:
        stop_at(3, broken, patch)
        assert train_run(broken) == 0
    assert kinds_at(3, broken) == ["train", "checkpoint", "eval"]
    assert train_run(broken, resume=True) == 0
    numbers = numbers_of(broken)
    del numbers["eval", 3]
    assert numbers == numbers_of(whole)


def test_a_run_that_died_after_its_last_step_only_saves(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("training.max_steps=2", "training.save_steps=1")
    with monkeypatch.context() as patch:
        die_at(2, patch)
        assert train_run(run) == 1
    assert not run.has_result()
    assert train_run(run, resume=True) == 0
    assert run.status().state == "finished"
    assert run.has_result()
    assert steps_of(run, "train") == [1, 2]


@pytest.fixture
def halted(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run that broke at its fifth step, with checkpoints of steps 2 and 4."""
    run = new_run("training.save_steps=2", "strategy.kind=full")
    with monkeypatch.context() as patch:
        die_at(5, patch)
        assert train_run(run) == 1
    assert steps(run) == [4, 2]
    return run


def spoil(run: RunFolder, step: int) -> None:
    file = run.checkpoints / f"step-{step}" / "resume" / "state.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_a_broken_checkpoint_is_skipped_with_a_notice(halted: RunFolder) -> None:
    spoil(halted, 4)
    assert train_run(halted, resume=True) == 0
    notices = notices_of(halted)
    assert any(text.startswith("the checkpoint of step 4 is broken: resume/") for text in notices)
    assert "resumed from step 2" in notices
    assert steps(halted) == [6, 4]
    assert choose(halted).step == 6


def test_a_flipped_bit_in_any_file_of_a_checkpoint_is_found(halted: RunFolder) -> None:
    contents = [path for path in folder_of(halted, 4).rglob("*") if path.is_file()]
    assert len(contents) >= 6
    for file in contents:
        whole = file.read_bytes()
        for spoiled in (_flipped(whole), whole[: len(whole) // 2], b""):
            file.write_bytes(spoiled)
            choice = choose(halted)
            assert choice.step == 2, file
            (problem,) = choice.broken
            assert problem.startswith("the checkpoint of step 4 is broken: ")
            assert file.name in problem or file.name == "manifest.json"
        file.write_bytes(whole)
    assert choose(halted) == (4, folder_of(halted, 4), ())


def _flipped(data: bytes) -> bytes:
    """With one bit in the middle flipped."""
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    return bytes(changed)


def test_a_run_resumes_from_the_step_that_is_named(halted: RunFolder) -> None:
    assert train_run(halted, resume=True, step=2) == 0
    assert steps_of(halted, "train") == [1, 2, 3, 4, 5, 3, 4, 5, 6]
    losses = RunFollower(halted).poll().series["train.loss"].points(100)
    assert [point.step for point in losses] == [1, 2, 3, 4, 5, 6]


def test_no_pickle_is_written(halted: RunFolder) -> None:
    kinds = {path.suffix for path in halted.path.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".jsonl", ".yaml", ".safetensors", ".log", ".lock"}


def test_finished_and_running_runs_are_not_resumed(halted: RunFolder) -> None:
    status = halted.status()
    status.model_copy(update={"state": "finished"}).save(halted.status_file)
    with pytest.raises(BadInputError, match="has finished"):
        resume(halted)
    Status.of_this_process(state="running").save(halted.status_file)
    with pytest.raises(BadInputError, match="is running: there is nothing to resume"):
        resume(halted)


def test_a_checkpoint_that_is_not_there_or_not_whole_is_named(halted: RunFolder) -> None:
    with pytest.raises(NotFoundError, match=r"no checkpoint of step 3; there are 4, 2"):
        resume(halted, 3)
    spoil(halted, 4)
    with pytest.raises(BadInputError, match=r"step 4 is broken: .*; intact: 2"):
        resume(halted, 4)
    spoil(halted, 2)
    with pytest.raises(BadInputError, match=r"step 2 is broken: .*; no other is intact"):
        resume(halted)


def test_a_changed_recipe_or_dataset_is_refused_with_what_changed(
    halted: RunFolder, rows: Path
) -> None:
    recipe = halted.recipe_file.read_text()
    halted.recipe_file.write_text(recipe.replace("learning_rate: 0.01", "learning_rate: 0.02"))
    with pytest.raises(BadInputError, match=r"training\.learning_rate: 0\.01 then, 0\.02 now"):
        resume(halted)
    halted.recipe_file.write_text(recipe)
    lines = rows.read_text().splitlines()
    rows.write_text("\n".join([*lines[:4], lines[4].replace("about", "on"), *lines[5:-1]]))
    change = r"data\.train: 12 rows then, 11 now, and row 5 is the first to differ"
    with pytest.raises(BadInputError, match=change):
        resume(halted)
    assert train_run(halted, resume=True) == 1
    assert "row 5 is the first to differ" in halted.status().reason


def test_a_resume_on_another_day_learns_the_same_tokens_or_is_refused(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "dated.jinja"
    file.write_text("{{ strftime_now('%Y-%m-%d') }} " + CHAT_TEMPLATE, encoding="utf-8")
    run = new_run(*LONG, f"data.chat_template={file}")
    with monkeypatch.context() as patch:
        stop_at(2, run, patch)
        assert train_run(run) == 0
    file.unlink()
    monkeypatch.setattr(template_settings, "local_date", lambda: date(2030, 1, 1))
    record = run.path / "template.json"
    kept = record.read_text(encoding="utf-8")
    record.write_text(json.dumps(json.loads(kept) | {"today": "2030-01-01"}), encoding="utf-8")
    assert train_run(run, resume=True) == 1
    assert "its rows are other tokens now" in run.status().reason
    record.write_text(kept, encoding="utf-8")
    assert train_run(run, resume=True) == 0
    assert run.status().state == "finished"


def test_of_two_resumes_at_once_one_wins(
    halted: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[tuple[str, ...]] = []

    def launch(run: RunFolder, *arguments: str) -> int:
        with pytest.raises(BadInputError, match="locked by another worker or resume"):
            resume(run)
        launched.append(arguments)
        return 1

    (halted.control / "stop").touch()
    monkeypatch.setattr(resume_launch, "launch", launch)
    assert resume(halted).step == 4
    assert resume(halted, 2).step == 2
    assert launched == [("resume",), ("resume", "2")]
    assert control.take_requests(halted) == []


def test_a_checkpoint_of_another_version_is_refused(halted: RunFolder) -> None:
    folder = folder_of(halted, 4)
    state = load_state(folder / "resume", "state")
    for changed in (state | {"parts": {}}, state | {"machinery": {}}):
        save_state(changed, folder / "resume", "state")
        (folder / "manifest.json").unlink()
        checkpoints._seal(folder)
        assert train_run(halted, resume=True) == 1
        assert "another version of ftwb wrote this checkpoint" in halted.status().reason


def test_a_run_without_a_checkpoint_says_how_to_start_again(new_run: NewRun) -> None:
    run = new_run("training.max_steps=1")
    run.status().model_copy(update={"state": "lost"}).save(run.status_file)
    with pytest.raises(
        NotFoundError, match=r"no checkpoint to resume from: 'ftwb train .*' starts"
    ):
        resume(run)


def test_a_copy_of_a_checkpoint_and_one_that_cannot_be_removed_end_no_run(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = files.remove_folder

    def refuse(folder: Path) -> None:
        if folder.name == "step-1":
            raise OSError(errno.EBUSY, "Device or resource busy", str(folder))
        remove(folder)

    run = new_run(*LONG, "training.save_steps=1", "training.save_total_limit=1")
    after(2, monkeypatch, lambda: shutil.copytree(folder_of(run, 2), run.checkpoints / "step-2.b"))
    monkeypatch.setattr(files, "remove_folder", refuse)
    assert train_run(run) == 0
    assert steps(run) == [STEPS, 1]
    assert (run.checkpoints / "step-2.b" / "manifest.json").exists()
    told = [text for text in notices_of(run) if "cannot be removed" in text]
    assert told == ["the old checkpoint of step 1 cannot be removed: Device or resource busy"]
