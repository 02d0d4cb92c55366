"""Doing something to a run while it trains, and comparing what two runs came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file

from workbench.runs import control
from workbench.runs.events import EventReader
from workbench.training.callbacks.checkpoint import CheckpointCallback
from workbench.training.callbacks.nonfinite import NonfiniteCallback

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from workbench.runs.events import Event
    from workbench.runs.folder import RunFolder

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


def during(step: int, patch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something while a step is taken."""
    protect = NonfiniteCallback.on_pre_optimizer_step

    def also(self: NonfiniteCallback, args: Any, state: Any, ctl: Any, **kwargs: Any) -> None:
        protect(self, args, state, ctl, **kwargs)
        if state.global_step + 1 == step:
            do()

    patch.setattr(NonfiniteCallback, "on_pre_optimizer_step", also)


def after(step: int, patch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something once a step was recorded and its checkpoint, if any, written."""
    checkpoint = CheckpointCallback.on_log

    def also(self: CheckpointCallback, args: Any, state: Any, ctl: Any, **kwargs: Any) -> None:
        checkpoint(self, args, state, ctl, **kwargs)
        if state.global_step == step and "loss" in kwargs["logs"]:
            do()

    patch.setattr(CheckpointCallback, "on_log", also)


def stop_at(step: int, run: RunFolder, patch: pytest.MonkeyPatch) -> None:
    """Ask the run to stop while it takes a step."""
    during(step, patch, lambda: control.send_request(run, "stop"))


def die_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """Break the worker once a step was recorded."""

    def die() -> None:
        raise RuntimeError("the power went")

    after(step, patch, die)


def events_of(run: RunFolder, kind: str) -> list[Event]:
    return [event for event in EventReader(run.events).read() if event["kind"] == kind]


def steps_of(run: RunFolder, kind: str) -> list[int]:
    return [event["step"] for event in events_of(run, kind)]


def kinds_at(step: int, run: RunFolder) -> list[str]:
    """What a step wrote into the log but memory and notices, in order."""
    events = EventReader(run.events).read()
    aside = ("memory", "notice", "phase")
    return [e["kind"] for e in events if e["step"] == step and e["kind"] not in aside]


def losses_of(run: RunFolder) -> list[float]:
    return [event["loss"] for event in events_of(run, "train")]


def notices_of(run: RunFolder) -> list[str]:
    return [event["text"] for event in events_of(run, "notice")]


def shortages_of(run: RunFolder) -> list[str]:
    """The notices that memory ran out."""
    return [text for text in notices_of(run) if "out of memory" in text]


def numbers_of(run: RunFolder) -> dict[tuple[str, int], dict[str, Any]]:
    """The last numbers of every step, by kind of event and step."""
    return {
        (event["kind"], event["step"]): {name: event.get(name) for name in NUMBERS}
        for event in EventReader(run.events).read()
        if event["kind"] in ("train", "eval", "penalty", "retention")
    }


def weights_of(run: RunFolder) -> dict[str, torch.Tensor]:
    (file,) = run.model.glob("*.safetensors")
    return load_file(file)


def assert_same_weights(run: RunFolder, other: RunFolder) -> None:
    """The results are equal bit for bit."""
    ours, theirs = weights_of(run), weights_of(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def assert_same_run(run: RunFolder, other: RunFolder) -> None:
    """Both finished, with equal numbers and weights, bit for bit."""
    assert run.status().state == other.status().state == "finished", run.status().reason
    assert numbers_of(run) == numbers_of(other)
    assert_same_weights(run, other)
