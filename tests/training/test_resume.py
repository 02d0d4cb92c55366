"""A run that goes on from a checkpoint is the run that was never interrupted, bit for bit."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from workbench.runs import control
from workbench.runs.checkpoints import choose, steps
from workbench.runs.events import EventReader
from workbench.runs.view import RunFollower
from workbench.training import monitor
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

STEPS = 9
LONG = (f"training.max_steps={STEPS}", "training.micro_batch_size=5", "strategy.dropout=0.1")
FULL = ("strategy.kind=full", f"training.max_steps={STEPS}", "training.micro_batch_size=5")
NUMBERS = ("loss", "learning_rate", "gradient_norm", "tokens", "epoch", "loss_target",
           "loss_replay", "replay_share", "ewc", "l2sp", "kl", "delta_nll")


class Power(BaseException):
    """The power goes."""


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
            control.ask(run, "stop")

    patch.setattr(monitor.Monitor, "on_pre_optimizer_step", ask)


def die_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """End the worker without a word once a step was recorded."""
    record = monitor.Monitor.on_log

    def die(self: monitor.Monitor, args: Any, state: Any, ctl: Any, **kwargs: Any) -> None:
        record(self, args, state, ctl, **kwargs)
        if state.global_step == step:
            raise Power

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


CASES = {
    "full": FULL,
    "lora": (*LONG, "training.gradient_accumulation_steps=2"),
    "dora_pissa": (*LONG, "strategy.init=pissa_niter_4"),
    "sgd": (*FULL, "training.optimizer=sgd", "training.scheduler=constant"),
    "adamw_8bit": (*FULL, "training.optimizer=adamw_8bit"),
    "adafactor": (*FULL, "training.optimizer=adafactor"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    whole, broken = new_run(*CASES[case]), new_run(*CASES[case])
    assert work(whole) == 0
    step = random.Random(case).randrange(1, STEPS)
    with monkeypatch.context() as patch:
        stop_at(step, broken, patch)
        assert work(broken) == 0
    assert broken.status().state == "stopped"
    assert steps(broken) == [step]
    assert broken.has_result()
    assert work(broken, resume=True) == 0
    assert_same(broken, whole)
