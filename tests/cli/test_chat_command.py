"""``ftwb chat`` without a screen, on a tiny model."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.chat.tuned_runs import finished_run, keep_fingerprint, recipe_on
from tests.tiny import make_tiny_model
from workbench import tui
from workbench.cli.output import emit_json
from workbench.cli.root import ftwb
from workbench.core.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from workbench.runs.folder import RunFolder, Runs

    Chat = Callable[..., Result]


@pytest.fixture
def chat(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> Chat:
    """Run ``ftwb chat`` with these arguments."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def invoke(*arguments: object) -> Result:
        options = ["--runs-dir", str(runs.root), "chat", *map(str, arguments)]
        return CliRunner().invoke(ftwb, options, catch_exceptions=True)

    return invoke


@pytest.mark.slow
def test_json_holds_both_answers_with_their_timings(
    chat: Chat, runs: Runs, tiny_model: Path, tmp_path: Path
) -> None:
    run = finished_run(runs, tiny_model, "lora")
    keep_fingerprint(run, tiny_model)
    (tmp_path / "more.txt").write_text("Second?\n")
    result = chat(
        *("last", "-p", "First?", "--prompts", tmp_path / "more.txt", "--max-tokens", 6),
        *("--require-proof", "--json"),
    )
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert (data["run"], data["mode"]) == (run.id, "one batch")
    assert (data["device"], data["dtype"], data["context"]) == ("cpu", "float32", 512)
    assert data["proof"]["state"] == "proven"
    assert data["proof"]["distance"] < 1e-5
    assert 1 < data["weight_bytes"] / data["base_bytes"] < 2
    assert [lane["name"] for lane in data["lanes"]] == ["base", "tuned"]
    assert data["lanes"][1]["title"] == "tiny-lora"
    assert data["lanes"][1]["scalable"]
    assert [answer["prompt"] for answer in data["answers"]] == ["First?", "Second?"]
    for answer in data["answers"]:
        for lane in ("base", "tuned"):
            assert 1 <= answer[lane]["tokens"] == len(answer[lane]["token_ids"]) <= 6
            assert 0 < answer[lane]["first_token_seconds"] <= answer[lane]["seconds"]
            assert "pieces" not in answer[lane]
        assert answer["base"]["text"] != answer["tuned"]["text"]
    assert "Loading" in result.stderr
    assert "base proven: same logits as" in result.stderr


@pytest.mark.slow
def test_other_runs_checkpoints_and_strengths_answer_beside(
    chat: Chat, runs: Runs, tiny_model: Path
) -> None:
    full = finished_run(runs, tiny_model, "full")
    run = finished_run(runs, tiny_model, "lora")
    shutil.copytree(run.model, run.checkpoints / "step-40")
    result = chat(
        *(run.id, "-p", "Hi", "--max-tokens", 5, "--strength", 0, "--surprise", "--json"),
        *("--beside", full.id, "--beside", "lora@40"),
    )
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert [lane["name"] for lane in data["lanes"]] == ["base", "tuned", full.id, "lora@40"]
    assert [lane["title"] for lane in data["lanes"]][2:] == ["tiny-full", "tiny-lora"]
    assert data["mode"] == "in turns"
    assert data["strengths"] == {"tuned": 0}
    (answer,) = data["answers"]
    assert answer["tuned"]["token_ids"] == answer["base"]["token_ids"]
    others = [answer[lane]["token_ids"] for lane in (full.id, "lora@40")]
    assert answer["base"]["token_ids"] not in others
    assert others[0] != others[1]
    for lane, against in (("base", "tuned"), ("tuned", "base"), ("lora@40", "base")):
        data_of_lane = answer[lane]
        assert data_of_lane["against"] == against
        assert "".join(piece["text"] for piece in data_of_lane["pieces"]) == data_of_lane["text"]
    assert max(abs(piece["surprise"]) for piece in answer["tuned"]["pieces"]) < 1e-4
    assert max(piece["surprise"] for piece in answer["lora@40"]["pieces"]) > 0.1


@pytest.mark.slow
def test_text_shows_both_lanes_and_no_control_character(
    chat: Chat, runs: Runs, tiny_model: Path, tmp_path: Path
) -> None:
    run = finished_run(runs, tiny_model, "full", shift=1.0)
    keep_fingerprint(run, make_tiny_model(tmp_path / "other", seed=5))
    result = chat("last", "-p", "Hi", "--max-tokens", 40, "--surprise")
    assert result.exit_code == 0, result.output
    assert f"base, unproven · {tiny_model.name}" in result.stdout
    assert "tuned · tiny-full" in result.stdout
    assert "first token" in result.stdout
    assert "[surprise of the base: up to " in result.stdout
    assert all(character.isprintable() or character in "\n\t" for character in result.stdout)
    assert "in turns · weights " in result.stderr
    assert "2.00 times the base's · float32 on cpu" in result.stderr
    assert "warning: NOT the base: not the base of" in result.stderr


@pytest.mark.slow
def test_nothing_is_asked_of_a_base_that_must_be_proven_and_is_not(
    chat: Chat, runs: Runs, tiny_model: Path
) -> None:
    finished_run(runs, tiny_model, "prompt_tuning")
    result = chat("last", "-p", "Hi", "--require-proof")
    assert result.exit_code == 1
    assert "the base is not proven" in str(result.exception)
    assert "stored no logits of its base" in str(result.exception)
    assert result.stdout == ""
    error = chat("last", "-p", "Hi", "--strength", 0.5).exception
    assert isinstance(error, BadInputError)
    assert "tuned cannot be scaled" in str(error)


def test_json_escapes_terminal_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    answer = "\x1b[2J \x9b31m \x7f ž 漢 \u0085"
    emit_json({"text": answer})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"text": answer}
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert "ž 漢" in printed


def test_a_run_without_a_result_is_one_clear_line(chat: Chat, runs: Runs, tiny_model: Path) -> None:
    runs.create(recipe_on(tiny_model, "lora"))
    error = chat("last", "-p", "Hi").exception
    assert isinstance(error, BadInputError)
    assert "has no result to chat with" in str(error)


def test_unknown_run_missing_file_and_json_without_prompt_are_refused(
    chat: Chat, runs: Runs, tiny_model: Path
) -> None:
    assert isinstance(chat("nothing", "-p", "Hi").exception, NotFoundError)
    finished_run(runs, tiny_model, "lora")
    assert isinstance(chat("last", "--prompts", "absent.txt").exception, NotFoundError)
    for option in (["--json"], ["--strength", "0.5"], ["--surprise"], ["--beside", "last"]):
        error = chat("last", *option).exception
        assert isinstance(error, BadInputError)
        assert "add --prompt" in str(error)


def test_unsuitable_lanes_are_refused(
    chat: Chat, runs: Runs, tiny_model: Path, tmp_path: Path
) -> None:
    elsewhere = finished_run(runs, make_tiny_model(tmp_path / "elsewhere"), "ia3")
    run = finished_run(runs, tiny_model, "lora")

    def refused(*others: str) -> BaseException | None:
        options = [part for other in others for part in ("--beside", other)]
        return chat(run.id, "-p", "Hi", *options).exception

    assert isinstance(refused("nothing"), NotFoundError)
    assert isinstance(refused("nothing@4"), NotFoundError)
    assert f"{run.id} has no checkpoint of step 7" in str(refused("lora@7"))
    assert "already a lane" in str(refused("tuned"))
    assert "already a lane" in str(refused("ia3", "ia3"))
    assert "must share one base" in str(refused(elsewhere.id))


def test_without_a_prompt_the_chat_opens_in_the_terminal(
    chat: Chat, runs: Runs, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished_run(runs, tiny_model, "lora")
    opened: list[tuple[Path, RunFolder]] = []
    monkeypatch.setattr(tui, "launch", lambda root, *, chat: opened.append((root, chat)))
    assert chat("last").exit_code == 0
    assert opened == [(runs.root, run)]
