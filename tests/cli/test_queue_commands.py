"""``ftwb queue`` and ``ftwb sweep``: waiting runs, and grids checked before they are queued."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.evaluation.reports import Suite, make_report
from workbench.hardware import session
from workbench.hardware.check import Check
from workbench.recipe.recipe import Recipe
from workbench.runs import launch
from workbench.runs.status import Status
from workbench.runs.sweeps import add_run, members, new_sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended
    from workbench.runs.folder import RunFolder, Runs

    Ftwb = Callable[..., Ended]

RATES = "training.learning_rate=1e-4,5e-4"


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """What would have been launched, in order."""
    runs: list[RunFolder] = []
    monkeypatch.setattr(launch, "launch", runs.append)
    return runs


@pytest.fixture
def sweep(ftwb: Ftwb, tiny_model: Path, rows: Path) -> Callable[..., Ended]:
    def call(*more: str) -> Ended:
        sets = (f"model.id={tiny_model}", f"data.train={rows}", "evaluation.general_text=null")
        overrides = [
            word for setting in (*sets, "evaluation.size=none") for word in ("--set", setting)
        ]
        return ftwb("sweep", "lora", *overrides, *more)

    return call


def waiting(runs: Runs, name: str, place: int) -> RunFolder:
    run = runs.create(Recipe(name=name))
    Status.of_this_process(state="queued", queue_position=place, device="cuda:0").save(
        run.status_file
    )
    return run


def test_a_sweep_queues_every_combination_in_order(
    sweep: Callable[..., Ended], runs: Runs, launched: list[RunFolder]
) -> None:
    ended = sweep("--grid", "strategy.r=8,16", "--grid", RATES, "--json")
    assert ended.code == 0, ended.err
    shown = json.loads(ended.out)
    assert [each["id"] for each in shown["runs"]] == [run.id for run in launched]
    assert [run.id.partition("-lora-")[2] for run in launched] == [
        "r-8-learning_rate-1e-4",
        "r-8-learning_rate-5e-4",
        "r-16-learning_rate-1e-4",
        "r-16-learning_rate-5e-4",
    ]
    recipes = [run.recipe() for run in launched]
    assert [
        (recipe.strategy.model_dump()["r"], recipe.training.learning_rate) for recipe in recipes
    ] == [
        (8, 1e-4),
        (8, 5e-4),
        (16, 1e-4),
        (16, 5e-4),
    ]
    assert members(runs, shown["sweep"]) == launched
    assert shown["compare"] == f"ftwb compare --sweep {shown['sweep']}"
    assert shown["compare"] in ended.err


def test_a_dry_run_makes_nothing(
    sweep: Callable[..., Ended], runs: Runs, launched: list[RunFolder]
) -> None:
    ended = sweep(
        "--grid", "strategy.target_modules=[q_proj],[q_proj,v_proj]", "--dry-run", "--json"
    )
    assert ended.code == 0, ended.err
    assert json.loads(ended.out) == [
        {"name": "lora-target_modules-q_proj", "settings": {"strategy.target_modules": "[q_proj]"}},
        {
            "name": "lora-target_modules-q_proj-v_proj",
            "settings": {"strategy.target_modules": "[q_proj,v_proj]"},
        },
    ]
    assert (runs.list(), launched) == ([], [])
    assert "lora-r-8" in sweep("--grid", "strategy.r=8,16", "--dry-run").out


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("strategy.r=8,0", "strategy.r=0: "),
        ("strategy.target_modules=[q_proj],[nowhere]", "lora-target_modules-nowhere: "),
        ("strategy.r", "--grid strategy.r: write it as field=value,value"),
        ("strategy.r=8,,16", "write it as field=value,value"),
        ("strategy.r=8,8", "duplicate value"),
    ],
)
def test_one_wrong_combination_starts_none(
    sweep: Callable[..., Ended], runs: Runs, launched: list[RunFolder], grid: str, message: str
) -> None:
    ended = sweep("--grid", grid)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert (runs.list(), launched) == ([], [])


def test_a_field_cannot_be_swept_twice(sweep: Callable[..., Ended]) -> None:
    ended = sweep("--grid", "strategy.r=8", "--grid", "strategy.r=16")
    assert ended.code == 2
    assert "duplicate field" in ended.err


def test_a_name_that_is_too_long_is_replaced_by_a_number(sweep: Callable[..., Ended]) -> None:
    long = ",".join("q_proj" for _ in range(9))
    ended = sweep("--grid", f"strategy.target_modules=[{long}],[q_proj]", "--dry-run", "--json")
    assert [each["name"] for each in json.loads(ended.out)] == [
        "lora-1",
        "lora-target_modules-q_proj",
    ]


def test_compare_takes_the_runs_of_a_sweep_that_have_a_report(ftwb: Ftwb, runs: Runs) -> None:
    name = new_sweep(runs, "lora")
    swept = [runs.create(Recipe(name=f"lora-r-{rank}")) for rank in (8, 16, 32)]
    other = runs.create(Recipe(name="other"))
    for run in swept:
        add_run(run, name)
    for run, kl in ((swept[0], 0.02), (swept[1], 0.5), (other, 0.1)):
        make_report(Suite("knowledge", kept=40, never=10), kl=kl).save(run.report)
    ended = ftwb("compare", "--sweep", name, "--json")
    assert ended.code == 0, ended.err
    assert [each["run"] for each in json.loads(ended.out)["runs"]] == [run.id for run in swept[:2]]
    assert f"{swept[2].id} is left out: no report" in ended.err
    assert ftwb("compare", "--sweep", "last", "--json").out == ended.out
    with_other = json.loads(ftwb("compare", "other", "--sweep", name, "--json").out)
    assert next(each["run"] for each in with_other["runs"]) == other.id
    assert new_sweep(runs, "lora") != name


def test_a_missing_or_unfinished_sweep_is_refused(ftwb: Ftwb, runs: Runs) -> None:
    add_run(runs.create(Recipe(name="young")), "sweep-1")
    assert "none of its 1 runs has a report yet" in ftwb("compare", "--sweep", "sweep-1").err
    ended = ftwb("compare", "--sweep", "nope")
    assert ended.code == 2
    assert "nope: no such sweep" in ended.err


def test_queue_and_runs_show_places_in_the_queue(ftwb: Ftwb, runs: Runs) -> None:
    second, first = waiting(runs, "second", 2), waiting(runs, "first", 1)
    assert json.loads(ftwb("queue", "--json").out) == [
        {"id": first.id, "place": 1, "device": "cuda:0"},
        {"id": second.id, "place": 2, "device": "cuda:0"},
    ]
    assert "queued, 2nd for cuda:0" in ftwb("runs").out
    assert {row["place"] for row in json.loads(ftwb("runs", "--json").out)} == {1, 2}
    assert "removed from the queue" in ftwb("stop", first.id).err
    assert (first.control / "stop").exists()


def test_an_empty_queue_says_so(ftwb: Ftwb, runs: Runs) -> None:
    runs.create(Recipe())
    ended = ftwb("queue")
    assert (ended.code, ended.out) == (0, "")
    assert "no run is waiting" in ended.err


def test_a_launch_warns_where_logging_out_ends_the_worker(
    sweep: Callable[..., Ended], launched: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = Check("logout", "warn", "all ends", "stay")
    monkeypatch.setattr(session, "check_logout", lambda: warning)
    assert "warning: all ends; stay" in sweep("--grid", "strategy.r=8").err
    assert len(launched) == 1
    monkeypatch.setattr(session, "check_logout", lambda: Check("logout", "ok", "all well"))
    assert "all well" not in sweep("--grid", "strategy.r=8").err
