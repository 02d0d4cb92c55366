"""The forgetting budget: decisions on given numbers, and in runs that forget at once."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.retention.results import distance, events_of
from workbench.core.errors import BadInputError
from workbench.evaluation.report import (
    TextResult,
    read_report,
    token_mean,
    token_mean_error,
)
from workbench.planning.preflight import preflight
from workbench.recipe import yaml_io
from workbench.retention.base import Evaluation, Guard, GuardDecision
from workbench.retention.budget import BudgetGuard
from workbench.retention.early_stopping import EarlyStoppingGuard
from workbench.runs import control
from workbench.runs.view import RunFollower
from workbench.training.callbacks import control as control_callback
from workbench.training.guards import GuardSet
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]


def judged(guard: Guard, *kls: float) -> list[GuardDecision]:
    return [guard.decide(Evaluation(kl=kl)) for kl in kls]


def test_it_warns_near_the_limit_and_again_after_it_was_low() -> None:
    verdicts = judged(BudgetGuard(0.1, 0.3, "stop"), 0.0, 0.1, 0.2, 0.05, 0.15)
    assert [bool(verdict.warning) for verdict in verdicts] == [False, True, False, False, True]
    assert "0.100 nats per token is over 0.1; the limit is 0.3" in verdicts[1].warning
    assert not any(verdict.stop or verdict.pause for verdict in verdicts)


def test_it_acts_only_where_the_warning_level_is_ruled_out() -> None:
    doubtful, again = [
        BudgetGuard(0.1, 0.3, "rollback").decide(Evaluation(kl=0.35, kl_error=error))
        for error in (0.13, 0.12)
    ]
    assert (doubtful.stop, doubtful.best) == ("", False)
    assert "0.350 ± 0.130 nats per token is over the budget of 0.3, but" in doubtful.warning
    assert "raise evaluation.retention_rows" in doubtful.warning
    assert "0.350 ± 0.120 nats per token exceeds the budget of 0.3" in again.stop
    nan = Evaluation(kl=float("nan"), kl_error=float("nan"))
    assert BudgetGuard(0.1, 0.3, "stop").decide(nan).stop


def test_doubt_is_announced_once_and_survives_a_resume() -> None:
    guard = BudgetGuard(0.1, 0.3, "stop")
    doubtful = Evaluation(kl=0.35, kl_error=0.2)
    assert guard.decide(doubtful).warning
    resumed = BudgetGuard(0.1, 0.3, "stop")
    resumed.load_state_dict(guard.state_dict())
    assert not resumed.decide(doubtful).warning


def test_the_standard_error_by_hand() -> None:
    """Mean 7/4; √(2 / 1 · ((1 · -3/4)² + (3 · 1/4)²)) / 4 = 3/8."""
    texts = [TextResult(tokens=1, nll=0.0, kl=1.0), TextResult(tokens=3, nll=0.0, kl=2.0)]
    assert token_mean_error(texts, [1.0, 2.0]) == pytest.approx(0.375)
    assert token_mean_error(texts[:1], [1.0]) is None


@pytest.mark.parametrize("rows", [6, 32])
def test_it_tells_the_warning_level_from_the_limit(rows: int) -> None:
    """KLs of rows spread by a factor of two, with a mean as given; 24 to 128 tokens each."""
    generator = random.Random(rows)  # noqa: S311 - a simulation

    def acts(true_kl: float) -> bool:
        texts = []
        for _ in range(rows):
            spread = math.exp(generator.gauss(0, 0.7) - 0.245)
            tokens = generator.randint(24, 128)
            texts.append(TextResult(tokens=tokens, nll=0.0, kl=true_kl * spread))
        kls = [text.kl for text in texts]
        evaluation = Evaluation(kl=token_mean(texts, kls), kl_error=token_mean_error(texts, kls))
        return bool(BudgetGuard(0.1, 0.3, "stop").decide(evaluation).stop)

    assert sum(acts(0.1) for _ in range(1000)) <= 10
    assert sum(acts(0.2) for _ in range(1000)) <= (150 if rows == 6 else 10)
    assert sum(acts(0.6) for _ in range(1000)) >= (850 if rows == 6 else 995)


@pytest.mark.parametrize("kl", [0.3, 2.0, float("nan")])
def test_at_the_limit_it_acts(kl: float) -> None:
    (stop,) = judged(BudgetGuard(0.1, 0.3, "stop"), kl)
    assert "exceeds the budget of 0.3" in stop.stop
    assert stop.best is None
    under, back = judged(BudgetGuard(0.1, 0.3, "rollback"), 0.2, kl)
    assert (under.best, back.best) == (True, False)
    assert "rolling back to the last model below it" in back.stop
    first, second = judged(BudgetGuard(0.1, 0.3, "ask"), kl, kl)
    assert first.pause
    assert second == GuardDecision()


def test_a_missing_measurement_is_not_below_the_limit() -> None:
    unknown = Evaluation(kl=None)
    assert BudgetGuard(0.1, 0.3, "rollback").decide(unknown) == GuardDecision(best=False)
    assert BudgetGuard(0.1, 0.3, "stop").decide(unknown) == GuardDecision()


def test_it_does_not_announce_a_rollback_to_nothing() -> None:
    (back,) = judged(BudgetGuard(0.1, 0.3, "rollback"), 0.5)
    assert "nothing to roll back to" in back.stop


def test_the_best_is_what_no_guard_calls_worse() -> None:
    both = GuardSet([EarlyStoppingGuard(3, 0.0), BudgetGuard(0.1, 0.3, "rollback")])
    assert both.decides_by == {"loss", "kl"}
    seen = [(2.0, 0.1), (1.0, 0.2), (1.5, 0.2), (0.5, 0.4)]
    verdicts = [both.decide(Evaluation(loss=loss, kl=kl)) for loss, kl in seen]
    assert [verdict.best for verdict in verdicts] == [True, True, False, False]
    asking = GuardSet([EarlyStoppingGuard(3, 0.0), BudgetGuard(0.1, 0.3, "ask")])
    assert asking.decide(Evaluation(loss=2.0, kl=0.1)).best
    assert GuardSet([BudgetGuard(0.1, 0.3, "stop")]).decide(Evaluation(kl=0.1)).best is None


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("evaluation.general_text=null",), "set evaluation.general_text"),
        (("evaluation.retention_steps=0",), "set evaluation.retention_steps above 0"),
    ],
)
def test_runs_without_measurements_are_refused(
    tiny_model: Path, rows: Path, overrides: tuple[str, ...], says: str
) -> None:
    values = {"model": {"id": str(tiny_model)}, "data": {"train": str(rows)}}
    recipe = yaml_io.override(values, ["retention.budget=true", *overrides])
    with pytest.raises(BadInputError, match=says):
        preflight(yaml_io.validate(recipe))


def test_a_warning_level_above_the_limit_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"warn 0\.5 is above limit 0\.3"):
        yaml_io.validate({"retention": {"budget": {"warn": 0.5}}})


@pytest.fixture
def forgetful(general: Path) -> tuple[str, ...]:
    """Overrides under which a tiny model exceeds a small budget after some steps."""
    return (
        "strategy.kind=full",
        "training.max_steps=12",
        "training.lr_scheduler_type=constant",
        "training.warmup_steps=0",
        f"evaluation.general_text={general}",
        "evaluation.retention_steps=1",
        "evaluation.retention_rows=64",
        "retention.budget.warn=0.01",
        "retention.budget.limit=0.03",
    )


def limits(run: RunFolder) -> tuple[list[float], int]:
    """KL at every measurement, and the index of the first one at the limit."""
    kls = [event["kl"] for event in events_of(run, "retention")]
    return kls, next(place for place, kl in enumerate(kls) if kl >= 0.03)


def test_stop_ends_the_run_at_the_limit(trained: Train, forgetful: tuple[str, ...]) -> None:
    run, view = trained(*forgetful, "retention.budget.action=stop")
    assert view.status.state == "finished", view.status.reason
    kls, over = limits(run)
    assert 0 < over == len(kls) - 1 == view.status.step < 12
    assert any("stopping early: KL to base" in notice.get("text", "") for notice in view.notices)
    assert sum("is over 0.01" in notice.get("text", "") for notice in view.notices) == 1


@pytest.mark.slow
def test_rollback_returns_the_last_model_below_the_limit(
    trained: Train, forgetful: tuple[str, ...], tiny_model: Path
) -> None:
    run, view = trained(*forgetful, "retention.budget.action=rollback")
    kls, over = limits(run)
    report = read_report(run)
    tokens = sum(text.tokens for text in report.after.general)
    kl = sum(text.kl * text.tokens for text in report.after.general) / tokens
    assert kl == pytest.approx(kls[over - 1], rel=1e-4)
    short, _ = trained(*forgetful, "retention.budget=null", f"training.max_steps={over - 1}")
    assert distance(run, tiny_model) == pytest.approx(distance(short, tiny_model), rel=1e-6)
    said = f"the result is the model of step {over - 1}: the last within its KL budget"
    assert any(said in notice.get("text", "") for notice in view.notices)


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["stop", "continue"])
def test_ask_waits_for_the_answer(
    new_run: Callable[..., RunFolder],
    forgetful: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    answer: control.Request,
) -> None:
    run = new_run(*forgetful, "retention.budget.action=ask")
    seen: list[tuple[str, str, int]] = []

    def meanwhile(_seconds: float) -> None:
        status = run.status()
        seen.append((status.state, status.phase, status.step))
        if len(seen) == 3:
            control.send_request(run, answer)

    monkeypatch.setattr(control_callback.time, "sleep", meanwhile)
    assert train_run(run) == 0
    kls, over = limits(run)
    assert seen == [("running", "over budget: waiting for an answer", over)] * 3
    view = RunFollower(run).poll()
    told = f"'ftwb continue {run.id}' resumes training, 'ftwb stop {run.id}' ends it here"
    assert sum(told in notice.get("text", "") for notice in view.notices) == 1
    assert run.status().state == ("stopped" if answer == "stop" else "finished")
    assert run.status().step == (over if answer == "stop" else 12)
    assert len(kls) == run.status().step + 1
    assert run.has_result()


def test_a_budget_exceeded_at_the_end_is_reported_without_a_pause(
    trained: Train, forgetful: tuple[str, ...]
) -> None:
    interval = "evaluation.retention_steps=100"
    _, view = trained(*forgetful, interval, "retention.budget.action=ask")
    assert view.status.state == "finished", view.status.reason
    assert any("exceeds the budget of 0.03" in n.get("text", "") for n in view.notices)


def test_continue_is_refused_if_the_run_is_not_waiting(new_run: Callable[..., RunFolder]) -> None:
    from workbench.runs.status import Status

    run = new_run()
    Status.of_this_process(state="running", phase="training").save(run.status_file)
    with pytest.raises(BadInputError, match=r"is not waiting for an answer \(training\)"):
        control.send_request(run, "continue")


def test_the_result_of_a_rollback_is_a_complete_model(
    trained: Train, forgetful: tuple[str, ...]
) -> None:
    run, _ = trained(*forgetful, "retention.budget.action=rollback")
    model = AutoModelForCausalLM.from_pretrained(run.model)
    assert all(torch.isfinite(tensor).all() for tensor in model.parameters())
    assert not list(run.checkpoints.glob("best*"))
