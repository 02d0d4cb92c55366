"""``ftwb slurm``: a valid script with the requested resources, and a run whose state stays true."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.recipe.recipe import Recipe
from workbench.runs import control
from workbench.runs.slurm import Job, write_script

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from workbench.runs.folder import Runs

    Ftwb = Callable[..., Ended]


@pytest.fixture
def slurm(ftwb: Ftwb, tiny_model: Path, rows: Path) -> Callable[..., Ended]:
    def call(*more: str) -> Ended:
        sets = (f"model.id={tiny_model}", f"data.train={rows}", "evaluation.general_text=null")
        overrides = [
            word for setting in (*sets, "evaluation.size=none") for word in ("--set", setting)
        ]
        return ftwb("slurm", "lora", *overrides, *more)

    return call


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an sbatch on the path that writes its arguments to the returned file."""
    arguments = tmp_path / "arguments"
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {arguments}\necho "4711;cluster"\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return arguments


def directives(script: str) -> dict[str, str]:
    lines = [line.split(" ", 1)[1] for line in script.splitlines() if line.startswith("#SBATCH")]
    return dict(line.removeprefix("--").split("=", 1) for line in lines)


def test_the_script_requests_these_resources(slurm: Callable[..., Ended], runs: Runs) -> None:
    ended = slurm(
        *("--nodes", "2", "--gpus", "4", "--partition", "a100", "--time", "12:00:00"),
        *("--option", "cpus-per-task=8", "--json"),
    )
    assert ended.code == 0, ended.err
    (run,) = runs.list()
    shown = json.loads(ended.out)
    assert (shown["id"], shown["job"]) == (run.id, None)
    assert Path(shown["script"]).read_text() == shown["text"]
    assert run.recipe().devices.count == 8
    asked = directives(shown["text"])
    assert asked == {
        "job-name": "ftwb-lora",
        "nodes": "2",
        "ntasks-per-node": "1",
        "gpus-per-node": "4",
        "output": str(run.log),
        "open-mode": "append",
        "partition": "a100",
        "time": "12:00:00",
        "cpus-per-task": "8",
        "signal": "TERM@180",
    }
    assert "--nnodes=2 --nproc-per-node=4" in shown["text"]


def test_the_script_is_valid_bash_for_any_path(runs: Runs) -> None:
    runs = type(runs)(runs.root.with_name("it's a 'folder' $HOME %j"))
    run = runs.create(Recipe())
    path = write_script(run, Job(1, 0, 2, (("comment", "two words"),)))
    subprocess.run(["bash", "-n", str(path)], check=True)
    words = subprocess.run(
        [
            "bash",
            "-c",
            f"srun() {{ printf '%s\\n' \"$@\"; }}; scontrol() {{ echo n; }};{path.read_text()}",
        ],
        env={"SLURM_JOB_NODELIST": "n", "SLURM_JOB_ID": "40001", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert words[-1] == str(run.path)
    assert "--rdzv-endpoint=n:20001" in words
    assert "gpus-per-node" not in path.read_text()


def test_a_submitted_run_is_queued_for_its_scheduler(
    slurm: Callable[..., Ended], runs: Runs, sbatch: Path
) -> None:
    ended = slurm("--submit")
    assert (ended.code, ended.out.strip()) == (0, "4711"), ended.err
    (run,) = runs.list()
    assert sbatch.read_text().split() == ["--parsable", str(run.path / "slurm.sh")]
    old = run.status().model_copy(update={"created": 1.0})
    old.save(run.status_file)
    assert run.status().label == "queued for SLURM job 4711"
    control.send_request(run, "stop")
    assert run.status().state == "stopped"


def test_without_sbatch_the_script_is_named(
    slurm: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = slurm("--submit")
    assert ended.code == 3
    assert "sbatch is not installed on this machine; submit" in ended.err
