"""``ftwb chat`` without a screen, on a tiny model."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.inference.tuned_runs import finished_run, recipe_on
from workbench import tui
from workbench.cli.output import emit_json
from workbench.cli.root import ftwb
from workbench.errors import BadInputError, NotFoundError


@pytest.fixture
def chat(runs, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def invoke(*arguments):
        options = ["--runs-dir", str(runs.root), "chat", *map(str, arguments)]
        return CliRunner().invoke(ftwb, options, catch_exceptions=True)

    return invoke


def test_json_holds_both_answers_with_their_timings(chat, runs, tiny_model, tmp_path):
    run = finished_run(runs, tiny_model, "lora")
    (tmp_path / "more.txt").write_text("Second?\n")
    result = chat(
        "last", "-p", "First?", "--prompts", tmp_path / "more.txt", "--max-tokens", 6, "--json"
    )
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert (data["run"], data["mode"]) == (run.id, "one batch")
    assert [lane["name"] for lane in data["lanes"]] == ["base", "tuned"]
    assert [answer["prompt"] for answer in data["answers"]] == ["First?", "Second?"]
    for answer in data["answers"]:
        for lane in ("base", "tuned"):
            assert 1 <= answer[lane]["tokens"] <= 6
            assert 0 < answer[lane]["first_token_seconds"] <= answer[lane]["seconds"]
        assert answer["base"]["text"] != answer["tuned"]["text"]
    assert "Loading" in result.stderr


def test_text_shows_both_lanes_and_no_control_character(chat, runs, tiny_model):
    finished_run(runs, tiny_model, "full")
    result = chat("last", "-p", "Hi", "--max-tokens", 40)
    assert result.exit_code == 0, result.output
    assert f"base · {tiny_model.name}" in result.stdout
    assert "tuned · tiny-full" in result.stdout
    assert "first token" in result.stdout
    assert all(character.isprintable() or character in "\n\t" for character in result.stdout)


def test_json_spells_out_what_could_command_a_terminal(capsys):
    answer = "\x1b[2J \x9b31m \x7f ž 漢 \u0085"
    emit_json({"text": answer})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"text": answer}
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert "ž 漢" in printed


def test_a_run_without_a_result_is_one_clear_line(chat, runs, tiny_model):
    runs.create(recipe_on(tiny_model, "lora"))
    error = chat("last", "-p", "Hi").exception
    assert isinstance(error, BadInputError)
    assert "has no result to chat with" in str(error)


def test_unknown_run_missing_file_and_json_without_prompt_are_refused(chat, runs, tiny_model):
    assert isinstance(chat("nothing", "-p", "Hi").exception, NotFoundError)
    finished_run(runs, tiny_model, "lora")
    assert isinstance(chat("last", "--prompts", "absent.txt").exception, NotFoundError)
    error = chat("last", "--json").exception
    assert isinstance(error, BadInputError)
    assert "add --prompt" in str(error)


def test_without_a_prompt_the_chat_opens_in_the_terminal(chat, runs, tiny_model, monkeypatch):
    run = finished_run(runs, tiny_model, "lora")
    opened = []
    monkeypatch.setattr(tui, "launch", lambda root, *, chat: opened.append((root, chat)))
    assert chat("last").exit_code == 0
    assert opened == [(runs.root, run)]
