"""What is asked of a live run is done after the step, answered in the log, and harms nothing."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.live_runs import during, events_of, losses_of
from workbench.core.errors import BadInputError, MachineError, RunFailedError
from workbench.runs import checkpoints, control
from workbench.runs.control import PendingRequest, describe_answer, when_handled
from workbench.runs.status import Status
from workbench.training.callbacks import checkpoint
from workbench.training.callbacks.nonfinite import NonfiniteCallback
from workbench.training.checkpoint.write import Checkpointer
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    NewRun = Callable[..., RunFolder]
    Train = Callable[..., tuple[RunFolder, RunView]]

STEPS = ("strategy.lora_dropout=0.1", "training.eval_steps=0", "training.max_steps=5")


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that stands still until it is moved by some minutes."""
    now = [1000.0]
    monkeypatch.setattr(checkpoint, "monotonic", lambda: now[0])

    def pass_by(minutes: float) -> None:
        now[0] += 60 * minutes

    return pass_by


@pytest.mark.dtype
@pytest.mark.slow
def test_a_checkpoint_is_written_after_the_step_it_was_asked_in(
    new_run: NewRun, trained: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, _ = trained(*STEPS)
    run = new_run(*STEPS)
    asked: list[PendingRequest] = []
    during(3, monkeypatch, lambda: asked.append(PendingRequest(run, "checkpoint")))
    assert train_run(run) == 0
    assert checkpoints.steps(run) == [3]
    assert checkpoints.fault(checkpoints.folder_of(run, 3)) == ""
    event = asked[0].poll()
    assert event is not None
    assert describe_answer(event) == "wrote checkpoints/step-3"
    assert losses_of(run) == losses_of(plain)


@pytest.mark.dtype
@pytest.mark.slow
def test_an_evaluation_is_measured_and_answered(
    new_run: NewRun, trained: Train, probed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = (*probed, *STEPS, "evaluation.retention_steps=0", "evaluation.canary_steps=0")
    plain, _ = trained(*quiet)
    run = new_run(*quiet)
    asked: list[PendingRequest] = []
    during(2, monkeypatch, lambda: asked.append(PendingRequest(run, "evaluate")))
    assert train_run(run) == 0
    event = asked[0].poll()
    assert event is not None
    assert (event["step"], event["kind"]) == (2, "notice")
    (loss,), (kept,) = events_of(run, "eval"), events_of(run, "retention")
    assert (event["loss"], event["kl"]) == (loss["loss"], kept["kl"])
    assert describe_answer(event) == (
        f"measured on request: held-out loss {loss['loss']:.4f}, KL to base {kept['kl']:.4f}"
    )
    assert {event["step"] for event in events_of(run, "canary")} == {2}
    assert losses_of(run) == losses_of(plain)


def test_without_anything_to_measure_the_answer_says_so(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(*STEPS, "data.heldout=null", "data.heldout_share=0", "training.max_steps=1")
    asked: list[PendingRequest] = []
    during(1, monkeypatch, lambda: asked.append(PendingRequest(run, "evaluate")))
    assert train_run(run) == 0
    event = asked[0].poll()
    assert event is not None
    assert "neither held-out rows nor general text" in describe_answer(event)


def test_a_run_that_ends_first_is_an_error(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("training.max_steps=2")
    asked: list[PendingRequest] = []

    def ask_and_break() -> None:
        asked.append(PendingRequest(run, "checkpoint"))
        assert asked[0].poll() is None
        raise RuntimeError("the card fell off the bus")

    during(2, monkeypatch, ask_and_break)
    assert train_run(run) == 1
    with pytest.raises(RunFailedError, match="failed before handling the request: RuntimeError"):
        asked[0].poll()


def test_a_stop_answers_who_waits_for_a_checkpoint(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("training.max_steps=1000")
    asked: list[PendingRequest] = []

    def ask_both() -> None:
        asked.append(PendingRequest(run, "checkpoint"))
        control.send_request(run, "stop")

    during(2, monkeypatch, ask_both)
    assert train_run(run) == 0
    assert run.status().state == "stopped"
    event = asked[0].poll()
    assert event is not None
    assert event["path"] == "checkpoints/step-2"
    assert len(events_of(run, "checkpoint")) == 1


@pytest.mark.dtype
@pytest.mark.slow
@pytest.mark.parametrize("why", ["asked", "time"])
def test_a_checkpoint_that_cannot_be_written_does_not_end_the_run(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, minutes: Callable[[float], None], why: str
) -> None:
    def fail(*_: object) -> None:
        full = OSError(errno.ENOSPC, "no space left")
        raise MachineError(f"the checkpoint cannot be saved: {full.strerror}") from full

    monkeypatch.setattr(Checkpointer, "save", fail)
    run = new_run(*STEPS)
    asked: list[PendingRequest] = []
    if why == "asked":
        during(2, monkeypatch, lambda: asked.append(PendingRequest(run, "checkpoint")))
    else:
        during(2, monkeypatch, lambda: minutes(15))
    assert train_run(run) == 0
    assert run.status().state == "finished"
    (warning,) = [e for e in events_of(run, "notice") if e["level"] == "warning"]
    assert (warning["step"], warning["text"]) == (
        2,
        "the checkpoint cannot be saved: no space left; training continues without it",
    )
    for question in asked:
        with pytest.raises(MachineError, match="no space left; training continues"):
            question.poll()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "written"),
    [
        ("training.save_minutes=15", [2, 4]),
        ("training.save_minutes=0", []),
        ("training.save_minutes=21", [3]),
        ("training.save_steps=3", [2, 3, 5]),
    ],
)
def test_the_clock_asks_for_checkpoints_too(
    new_run: NewRun,
    trained: Train,
    monkeypatch: pytest.MonkeyPatch,
    minutes: Callable[[float], None],
    setting: str,
    written: list[int],
) -> None:
    plain, _ = trained(*STEPS)
    assert events_of(plain, "checkpoint") == []
    run = new_run(*STEPS, setting)
    protect = NonfiniteCallback.on_pre_optimizer_step

    def take_eight_minutes(self: NonfiniteCallback, *args: Any, **kwargs: Any) -> None:
        protect(self, *args, **kwargs)
        minutes(8)

    monkeypatch.setattr(NonfiniteCallback, "on_pre_optimizer_step", take_eight_minutes)
    assert train_run(run) == 0
    assert [event["step"] for event in events_of(run, "checkpoint")] == written
    assert losses_of(run) == losses_of(plain)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"state": "stopping", "step": 3, "total": 9}, "has finished its last step"),
        ({"state": "running", "step": 9, "total": 9}, "has finished its last step"),
        (
            {"state": "running", "phase": control.AWAITING_ANSWER},
            "is paused: over its KL budget; .* it first",
        ),
        ({"state": "finished"}, "is finished: there is no worker"),
    ],
)
def test_what_no_step_is_left_for_is_refused(
    new_run: NewRun, status: dict[str, Any], why: str
) -> None:
    run = new_run()
    Status.of_this_process(**status).save(run.status_file)
    with pytest.raises(BadInputError, match=f"{run.id} {why}"):
        PendingRequest(run, "evaluate")
    assert control.take_requests(run) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"state": "queued"}, "after its first step"),
        ({"state": "starting"}, "after its first step"),
        ({"state": "running", "step": 1, "total": 9}, "after the current step"),
    ],
)
def test_it_is_said_when_an_answer_comes(status: dict[str, Any], words: str) -> None:
    assert when_handled(Status.of_this_process(**status)) == words
