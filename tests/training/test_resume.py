"""A run that goes on from a checkpoint is the run that was never interrupted, bit for bit."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from workbench.core.errors import BadInputError, NotFoundError
from workbench.planning import resume_launch
from workbench.planning.resume_launch import resume
from workbench.runs import control
from workbench.runs.checkpoints import choose, folder_of, steps
from workbench.runs.events import EventReader
from workbench.runs.status import Status
from workbench.runs.view import RunFollower
from workbench.training.callbacks import monitor
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

STEPS = 9
LONG = (f"training.max_steps={STEPS}", "training.micro_batch_size=5", "strategy.lora_dropout=0.1")
FULL = ("strategy.kind=full", f"training.max_steps={STEPS}", "training.micro_batch_size=5")
NUMBERS = (
    "loss",
    "learning_rate",
    "gradient_norm",
    "tokens",
    "epoch",
    "loss_target",
    "loss_replay",
    "replay_share",
    "ewc",
    "l2sp",
    "kl",
    "delta_nll",
)


def numbers_of(run: RunFolder) -> dict[tuple[str, int], dict[str, Any]]:
    """The last word on every step, by kind of event and step."""
    return {
        (event["kind"], event["step"]): {name: event.get(name) for name in NUMBERS}
        for event in EventReader(run.events).read()
        if event["kind"] in ("train", "eval", "penalty", "retention")
    }


def stop_at(step: int, run: RunFolder, patch: pytest.MonkeyPatch) -> None:
    """Ask the run to stop while it takes a step."""
    measure = monitor.Monitor.on_pre_optimizer_step

    def ask(self: monitor.Monitor, args: Any, state: Any, ctl: Any, **kwargs: Any) -> None:
        measure(self, args, state, ctl, **kwargs)
        if state.global_step + 1 == step:
            control.send_request(run, "stop")

    patch.setattr(monitor.Monitor, "on_pre_optimizer_step", ask)


def die_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """Break the worker once a step was recorded."""
    record = monitor.Monitor.on_log

    def die(self: monitor.Monitor, args: Any, state: Any, ctl: Any, **kwargs: Any) -> None:
        record(self, args, state, ctl, **kwargs)
        if state.global_step == step:
            raise RuntimeError("the power went")

    patch.setattr(monitor.Monitor, "on_log", die)


def weights_of(run: RunFolder) -> dict[str, torch.Tensor]:
    (file,) = run.model.glob("*.safetensors")
    return load_file(file)


def assert_same(broken: RunFolder, whole: RunFolder) -> None:
    assert broken.status().state == whole.status().state == "finished", broken.status().reason
    assert numbers_of(broken) == numbers_of(whole)
    ours, theirs = weights_of(broken), weights_of(whole)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


GUARDED = (
    "retention.replay.answers=dataset",
    "retention.replay.share=0.4",
    "evaluation.retention_interval=2",
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
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    whole, broken = new_run(*STOPPED[case]), new_run(*STOPPED[case])
    assert work(whole) == 0
    step = random.Random(case).randrange(1, STEPS)  # noqa: S311 - a moment, not a secret
    with monkeypatch.context() as patch:
        stop_at(step, broken, patch)
        assert work(broken) == 0
    assert broken.status().state == "stopped"
    assert steps(broken) == [step]
    assert broken.has_result()
    assert work(broken, resume=True) == 0
    assert_same(broken, whole)


@pytest.mark.parametrize("case", KILLED)
def test_a_broken_run_goes_on_from_its_newest_checkpoint(
    new_run: NewRun,
    sources: Callable[[tuple[str, ...]], tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    recipe = (*sources(KILLED[case]), "training.save_steps=2")
    whole, broken = new_run(*recipe), new_run(*recipe)
    assert work(whole) == 0
    last = max(step for kind, step in numbers_of(whole) if kind == "train")
    step = random.Random(case).randrange(3, last)  # noqa: S311 - a moment, not a secret
    with monkeypatch.context() as patch:
        die_at(step, patch)
        assert work(broken) == 1
    assert broken.status().state == "failed"
    assert choose(broken).step == step - step % 2
    assert work(broken, resume=True) == 0
    assert_same(broken, whole)


def test_a_stop_in_between_is_judged_and_forgotten(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = (*LONG, "retention.early_stopping.patience=1", "training.eval_steps=4")
    whole, broken = new_run(*recipe), new_run(*recipe)
    assert work(whole) == 0
    with monkeypatch.context() as patch:
        stop_at(3, broken, patch)
        assert work(broken) == 0
    assert ("eval", 3) in numbers_of(broken)
    assert work(broken, resume=True) == 0
    told = numbers_of(broken)
    del told["eval", 3]
    assert told == numbers_of(whole)


def test_a_run_that_died_after_its_last_step_only_saves(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("training.max_steps=2", "training.save_steps=1")
    with monkeypatch.context() as patch:
        die_at(2, patch)
        assert work(run) == 1
    assert not run.has_result()
    assert work(run, resume=True) == 0
    assert run.status().state == "finished"
    assert run.has_result()
    assert [
        event["step"] for event in EventReader(run.events).read() if event["kind"] == "train"
    ] == [1, 2]


@pytest.fixture
def halted(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run that broke at its fifth step, with checkpoints of steps 2 and 4."""
    run = new_run("training.save_steps=2", "strategy.kind=full")
    with monkeypatch.context() as patch:
        die_at(5, patch)
        assert work(run) == 1
    assert steps(run) == [4, 2]
    return run


def spoil(run: RunFolder, step: int) -> None:
    file = run.checkpoints / f"step-{step}" / "resume" / "state.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_a_broken_checkpoint_is_passed_over_with_a_notice(halted: RunFolder) -> None:
    spoil(halted, 4)
    assert work(halted, resume=True) == 0
    texts = [notice.get("text", "") for notice in RunFollower(halted).poll().notices]
    broken = "the checkpoint of step 4 is broken: resume/state.safetensors was changed after it was"
    assert any(text.startswith(broken) for text in texts)
    assert "resumed from step 2" in texts
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
            (told,) = choice.broken
            assert told.startswith("the checkpoint of step 4 is broken: ")
            assert file.name in told or file.name == "manifest.json"
        file.write_bytes(whole)
    assert choose(halted) == (4, folder_of(halted, 4), ())


def _flipped(data: bytes) -> bytes:
    """With one bit in the middle that is another one."""
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    return bytes(changed)


def test_a_named_step_is_gone_on_from(halted: RunFolder) -> None:
    assert work(halted, resume=True, step=2) == 0
    trained = [e["step"] for e in EventReader(halted.events).read() if e["kind"] == "train"]
    assert trained == [1, 2, 3, 4, 5, 3, 4, 5, 6]
    losses = RunFollower(halted).poll().series["train.loss"].points(100)
    assert [point.step for point in losses] == [1, 2, 3, 4, 5, 6]


def test_no_pickle_is_written(halted: RunFolder) -> None:
    kinds = {path.suffix for path in halted.path.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".jsonl", ".yaml", ".safetensors", ".log", ".lock"}


def test_only_what_is_worth_it_is_resumed(halted: RunFolder) -> None:
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
    with pytest.raises(BadInputError, match=r"step 4 is broken: .*; whole are 2"):
        resume(halted, 4)
    spoil(halted, 2)
    with pytest.raises(BadInputError, match=r"step 2 is broken: .*; no other is whole"):
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
    told = r"data\.train: 12 rows then, 11 now, and row 5 is the first to differ"
    with pytest.raises(BadInputError, match=told):
        resume(halted)
    assert work(halted, resume=True) == 1
    assert "row 5 is the first to differ" in halted.status().reason


def test_of_two_at_once_one_wins(halted: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[tuple[str, ...]] = []

    def launch(run: RunFolder, *order: str) -> int:
        with pytest.raises(BadInputError, match="locked by another worker or resume"):
            resume(run)
        launched.append(order)
        return 1

    (halted.control / "stop").touch()
    monkeypatch.setattr(resume_launch, "launch", launch)
    assert resume(halted).step == 4
    assert resume(halted, 2).step == 2
    assert launched == [("resume",), ("resume", "2")]
    assert control.take_requests(halted) == []


def test_a_run_without_a_checkpoint_says_how_to_start_anew(new_run: NewRun) -> None:
    run = new_run("training.max_steps=1")
    run.status().model_copy(update={"state": "lost"}).save(run.status_file)
    with pytest.raises(
        NotFoundError, match=r"no checkpoint to resume from: 'ftwb train .*' starts"
    ):
        resume(run)
