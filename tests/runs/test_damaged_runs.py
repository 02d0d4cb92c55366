"""A damaged run folder never hides or freezes the list: it is a line that says what is wrong."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.runs.damage import HARMLESS, NAMED
from tests.tui.scripted import make_run, set_state, write_steps
from workbench.cli.root import ftwb
from workbench.runs.launch import relaunch
from workbench.runs.run_index import RunIndex
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from typing import Any

    from workbench.runs.folder import RunFolder, Runs
    from workbench.runs.run_index import RunRow


@pytest.fixture
def damaged(runs: Runs) -> RunFolder:
    run = make_run(runs, "sound")
    write_steps(run, 1, 2)
    set_state(run, "stopped", step=2, total=9)
    return run


@pytest.fixture
def live(runs: Runs, damaged: RunFolder) -> RunFolder:
    del damaged
    run = make_run(runs, "zlive")
    write_steps(run, 1, 3)
    return run


def listed(runs: Runs) -> dict[str, dict[str, Any]]:
    done = CliRunner().invoke(ftwb, ["--runs-dir", str(runs.root), "runs", "--json"])
    assert done.exit_code == 0, done.output
    return {row["id"]: row for row in json.loads(done.stdout, parse_constant=pytest.fail)}


def assert_stays_live(runs: Runs, run: RunFolder, damaged: RunFolder) -> RunRow:
    """The other run is followed from reading to reading; the row of the damaged one."""
    index = RunIndex(runs.root)
    index.read()
    write_steps(run, 4, 5)
    rows = {row.run.id: row for row in index.read()}
    assert (rows[run.id].status.state, rows[run.id].status.step) == ("running", 5)
    assert rows[run.id].error == ""
    return rows[damaged.id]


@pytest.mark.parametrize("kind", NAMED)
def test_damage_is_one_line_that_names_it(
    runs: Runs, damaged: RunFolder, live: RunFolder, kind: str
) -> None:
    damage, said = NAMED[kind]
    damage(damaged)
    row = assert_stays_live(runs, live, damaged)
    values = listed(runs)
    assert values[live.id]["error"] == ""
    for error in (row.error, values[damaged.id]["error"]):
        assert said in error or (kind.startswith("report") and "report.json" in error)
        assert len(error) < 300
        assert "\n" not in error
    table = CliRunner().invoke(ftwb, ["--runs-dir", str(runs.root), "runs"])
    assert table.exit_code == 0, table.output
    assert live.id in table.output
    assert damaged.id in table.output
    assert relaunch(runs) == []


@pytest.mark.parametrize("kind", HARMLESS)
def test_harmless_damage_changes_nothing(
    runs: Runs, damaged: RunFolder, live: RunFolder, kind: str
) -> None:
    HARMLESS[kind](damaged)
    row = assert_stays_live(runs, live, damaged)
    values = listed(runs)[damaged.id]
    assert (row.error, values["error"]) == ("", "")
    assert (values["state"], values["step"]) == ("stopped", 2)
    RunFollower(damaged).poll()


def test_every_way_of_damage_is_its_own() -> None:
    assert len(NAMED) >= 40


def test_all_damage_at_once_hides_no_run(runs: Runs, damaged: RunFolder, live: RunFolder) -> None:
    del damaged
    damages = [damage for damage, _ in NAMED.values()] + [*HARMLESS.values()]
    broken = [make_run(runs, "sound") for _ in damages]
    for run, damage in zip(broken, damages, strict=True):
        damage(run)
    rows = {row.run.id: row for row in RunIndex(runs.root).read()}
    assert rows.keys() == listed(runs).keys()
    assert {run.id for run in broken} <= rows.keys()
    assert rows[live.id].status.state == "running"


@pytest.mark.parametrize("seed", range(40))
def test_random_bytes_in_any_file_hide_no_run(
    runs: Runs, damaged: RunFolder, live: RunFolder, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    names = ("recipe.yaml", "status.json", "events.jsonl", "report.json", "sweep", "origin.json")
    for name in draw.sample(names, 2):
        _scramble(damaged, name, draw)
    row = assert_stays_live(runs, live, damaged)
    assert row.run == damaged
    assert damaged.id in listed(runs)


def _scramble(run: RunFolder, name: str, draw: random.Random) -> None:
    path = run.path / name
    data = bytearray(path.read_bytes() if path.exists() else b"{}")
    for _ in range(draw.randint(1, 30)):
        place = draw.randrange(len(data) + 1)
        data[place : place + draw.randint(0, 9)] = draw.randbytes(draw.randint(0, 9))
    path.write_bytes(data[: draw.choice((len(data), len(data) // 2))])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["", "recipe.yaml", "status.json", "events.jsonl", "checkpoints"])
def test_what_another_user_keeps_private_is_said(
    runs: Runs, damaged: RunFolder, live: RunFolder, name: str
) -> None:
    damaged.checkpoints.mkdir(exist_ok=True)
    (damaged.path / name).chmod(0)
    try:
        row = assert_stays_live(runs, live, damaged)
        values = listed(runs)[damaged.id]
    finally:
        (damaged.path / name).chmod(0o700)
    for error in (row.error, values["error"]):
        assert "private" in error or "cannot be read" in error
