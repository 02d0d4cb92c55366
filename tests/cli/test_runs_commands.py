"""The commands that start, list, show, follow and stop runs, and their exit codes."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from workbench.recipe import yaml_io
from workbench.recipe.recipe import Recipe
from workbench.runs import checkpoints, launch
from workbench.runs.events import EventLog, EventReader
from workbench.runs.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended
    from workbench.runs.folder import RunFolder, Runs

    Ftwb = Callable[..., Ended]

BARE = ("evaluation.size=none", "evaluation.general_text=null", "evaluation.canary_steps=0")
"""Measures nothing that does not fit a tiny model."""


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(20)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture
def train(ftwb: Ftwb, tiny_model: Path, dataset: Path) -> Callable[..., Ended]:
    def call(*more: str) -> Ended:
        sets = [f"model.id={tiny_model}", f"data.train={dataset}", "training.max_steps=3", *BARE]
        overrides = [word for setting in sets for word in ("--set", setting)]
        return ftwb("train", "lora", *overrides, *more)

    return call


def finished(runs: Runs, state: str = "finished") -> RunFolder:
    run = runs.create(Recipe(name="made"))
    EventLog(run.events).append("train", 7, loss=1.25, tokens_per_second=10.0, seconds_left=0.0)
    Status.of_this_process(state=state, step=7, total=9, reason="why").save(run.status_file)
    return run


@pytest.mark.dtype
@pytest.mark.slow
def test_train_waits_and_prints_the_run_as_json(train: Callable[..., Ended], runs: Runs) -> None:
    ended = train("--wait", "--json")
    assert ended.code == 0, ended.err
    shown = json.loads(ended.out)
    assert (shown["state"], shown["step"], shown["total"]) == ("finished", 3, 3)
    assert runs.find("last").has_result()


def test_train_without_wait_prints_the_id_and_leaves(
    train: Callable[..., Ended], runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "launch", lambda _run: 4711)
    ended = train()
    assert ended.code == 0
    assert ended.out.strip() == runs.find("last").id
    assert "3 steps" in ended.err
    assert "worker 4711" in ended.err


def test_the_recipe_of_a_run_is_resolved_and_complete(
    train: Callable[..., Ended], runs: Runs, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "launch", lambda _run: 4711)
    monkeypatch.chdir(dataset.parent)
    train("--set", f"data.train={dataset.name}")
    assert runs.find("last").recipe().data.train == str(dataset)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.learning_rate=5", "training.learning_rate: must be at most 1, got 5"),
        ("training.rate=1", "training.rate: unknown field"),
        ("data.train=nowhere.jsonl", "nowhere.jsonl"),
        ("model.id=./nowhere", "nowhere"),
        ("strategy.target_modules=[q_prj]", "q_proj"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_run(
    train: Callable[..., Ended], runs: Runs, setting: str, message: str
) -> None:
    ended = train("--set", setting)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert runs.list() == []


def test_malformed_rows_are_named_by_line(
    train: Callable[..., Ended], runs: Runs, dataset: Path
) -> None:
    lines = dataset.read_text().splitlines()
    lines[2] = "{broken"
    lines[16] = "[1, 2]"
    dataset.write_text("\n".join(lines))
    ended = train()
    assert ended.code == 2
    assert "3" in ended.err
    assert "17" in ended.err
    assert runs.list() == []


def test_a_dataset_without_answers_is_refused(
    train: Callable[..., Ended], runs: Runs, dataset: Path
) -> None:
    row = {"messages": [{"role": "user", "content": "hello?"}]}
    dataset.write_text("\n".join([json.dumps(row)] * 3))
    ended = train()
    assert ended.code == 2
    assert "assistant" in ended.err
    assert runs.list() == []


def test_broken_weights_are_refused_before_a_run_is_made(
    train: Callable[..., Ended], runs: Runs, tiny_model: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(tiny_model, tmp_path / "broken")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    ended = train("--set", f"model.id={broken}")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert runs.list() == []


def test_a_full_disk_is_an_error_and_leaves_no_run(
    train: Callable[..., Ended], runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil._ntuple_diskusage(10**9, 10**9, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    ended = train()
    assert (ended.code, runs.list()) == (3, [])
    assert "no disk space" in ended.err


@pytest.mark.slow
def test_a_failed_run_ends_wait_with_one(train: Callable[..., Ended]) -> None:
    ended = train("--wait", "--set", "evaluation.target_field=topic")
    assert ended.code == 1
    assert "has no text in 'topic'" in ended.err


@pytest.mark.parametrize("command", ["show", "follow", "stop", "chat"])
def test_a_missing_run_is_one_line(ftwb: Ftwb, command: str) -> None:
    ended = ftwb(command, "nope")
    assert ended.code == 2
    assert ended.err.startswith("ftwb: nope: no such run in ")
    assert ended.err.count("\n") == 1


def test_runs_lists_newest_first_as_json(ftwb: Ftwb, runs: Runs) -> None:
    ids = [finished(runs).id for _ in range(2)]
    listed = json.loads(ftwb("runs", "--json").out)
    assert [row["id"] for row in listed] == sorted(ids, reverse=True)
    assert listed[0]["loss"] == 1.25


def test_an_empty_list_says_what_to_do_next(ftwb: Ftwb) -> None:
    ended = ftwb("runs")
    assert (ended.code, ended.out) == (0, "")
    assert "ftwb demo" in ended.err
    assert json.loads(ftwb("runs", "--json").out) == []


def test_show_prints_everything(ftwb: Ftwb, runs: Runs) -> None:
    run = finished(runs)
    shown = json.loads(ftwb("show", run.id, "--json").out)
    assert shown["recipe"] == run.recipe().model_dump(mode="json")
    assert (shown["step"], shown["has_result"], shown["report"]) == (7, False, None)
    assert run.id in ftwb("show", "last").out


def test_follow_returns_when_the_run_has_ended(ftwb: Ftwb, runs: Runs) -> None:
    run = finished(runs)
    ended = ftwb("follow", run.id)
    assert (ended.code, ended.out) == (0, "")
    summary = json.loads(ftwb("follow", run.id, "--json").out)
    assert (summary["id"], summary["state"]) == (run.id, "finished")
    ended = ftwb("follow", finished(runs, "failed").id, "--json")
    assert ended.code == 1
    assert "failed: why" in ended.err
    assert json.loads(ended.out)["state"] == "failed"


def test_stop_reaches_a_live_run_and_refuses_a_finished_one(ftwb: Ftwb, runs: Runs) -> None:
    live = finished(runs, "running")
    assert json.loads(ftwb("stop", live.id, "--json").out)["state"] == "running"
    assert (live.control / "stop").exists()
    ended = ftwb("stop", finished(runs).id)
    assert ended.code == 2
    assert "there is no worker to stop" in ended.err


def test_schema_is_the_schema_of_the_recipe(ftwb: Ftwb) -> None:
    schema = json.loads(ftwb("schema").out)
    rate = schema["$defs"]["TrainingSection"]["properties"]["learning_rate"]
    assert (rate["exclusiveMinimum"], rate["maximum"]) == (0, 1)
    assert rate["description"]


def test_estimate_counts_steps_tokens_and_parameters(
    ftwb: Ftwb, tiny_model: Path, dataset: Path, tmp_path: Path
) -> None:
    values = {"model": {"id": str(tiny_model)}, "data": {"train": str(dataset), "heldout_share": 0}}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml_io.dump(yaml_io.validate(values)))
    shown = json.loads(
        ftwb("estimate", recipe, "--json", "--set", "training.num_train_epochs=2").out
    )
    assert (shown["rows"], shown["steps"]) == (20, 6)
    assert shown["tokens"] > 2 * 20 * len("question 1answer 1")
    assert 0 < shown["trainable"] < shown["parameters"]
    assert "trains" in ftwb("estimate", recipe).out


def test_an_unknown_command_exits_with_two(ftwb: Ftwb) -> None:
    assert ftwb("fly").code == 2


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.cli import main
    from workbench.core.errors import NotFoundError

    monkeypatch.setattr("sys.argv", ["ftwb", "--debug", "show", "nope"])
    with pytest.raises(NotFoundError):
        main()


@pytest.mark.dtype
@pytest.mark.slow
def test_resume_continues_in_a_new_worker(
    ftwb: Ftwb, train: Callable[..., Ended], runs: Runs
) -> None:
    ended = train("--wait", "--set", "training.save_steps=1")
    assert ended.code == 0, ended.err
    run = runs.find("last")
    refused = ftwb("resume", "last")
    assert (refused.code, refused.out) == (2, "")
    assert "has finished its last step" in refused.err
    run.status().model_copy(update={"state": "lost"}).save(run.status_file)
    shutil.rmtree(run.model)
    ended = ftwb("resume", "last", "--from", 2, "--wait", "--json")
    assert ended.code == 0, ended.err
    resumed = json.loads(ended.out)
    assert (resumed["resumed_from"], resumed["state"], resumed["step"]) == (2, "finished", 3)
    assert "resumes from step 2" in ended.err
    assert run.status().state == "finished"
    assert run.has_result()
    trained = [e for e in EventReader(run.events).read() if e["kind"] == "train"]
    assert [event["step"] for event in trained] == [1, 2, 3, 3]
    assert trained[2]["loss"] == trained[3]["loss"]


@pytest.mark.dtype
@pytest.mark.slow
def test_a_live_run_writes_a_checkpoint_and_measures_itself_on_request(
    ftwb: Ftwb, train: Callable[..., Ended], runs: Runs
) -> None:
    ended = train("--set", "training.max_steps=1000000", "--set", "training.eval_steps=0")
    assert ended.code == 0, ended.err
    run = runs.find("last")
    try:
        kept = json.loads(ftwb("checkpoint", "last", "--wait", "--json").out)
        folder = checkpoints.folder_of(run, kept["step"])
        assert kept["path"] == str(folder)
        assert checkpoints.fault(folder) == ""
        measured = json.loads(ftwb("evaluate", "last", "--wait", "--json").out)
        (event,) = [event for event in EventReader(run.events).read() if event["kind"] == "eval"]
        assert (measured["step"], measured["loss"]) == (event["step"], event["loss"])
        refused = ftwb("evaluate", "last", "--checkpoint", kept["step"])
        assert refused.code == 2
        assert "need a run that has ended" in refused.err
    finally:
        ftwb("stop", "last")
        ftwb("follow", "last")
    assert run.status().state == "stopped"


@pytest.mark.parametrize("command", ["checkpoint", "evaluate"])
def test_without_wait_a_request_returns_at_once(ftwb: Ftwb, runs: Runs, command: str) -> None:
    live = finished(runs, "running")
    ended = ftwb(command, live.id, "--json")
    assert ended.code == 0
    assert json.loads(ended.out) == {"run": live.id, "request": command}
    assert f"asked to {command} after the current step" in ended.err
    assert (live.control / command).exists()


def test_waiting_for_a_run_that_ends_first_fails_with_its_reason(
    ftwb: Ftwb, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = finished(runs, "running")

    def end(_seconds: float) -> None:
        status = live.status().model_copy(update={"state": "failed", "reason": "out of luck"})
        status.save(live.status_file)

    monkeypatch.setattr(time, "sleep", end)
    ended = ftwb("checkpoint", live.id, "--wait")
    assert (ended.code, ended.out) == (1, "")
    assert f"{live.id} failed before handling the request: out of luck" in ended.err
