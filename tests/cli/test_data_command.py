"""``ftwb data`` shows how rows are read and which tokens are trained, as text and as JSON."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from workbench.cli.commands.data import command
from workbench.core.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path


DROPPED = ("--max-dropped", "0.25")


@pytest.fixture
def source(tmp_path: Path) -> str:
    rows = [
        {"question": "Why?", "answer": "Be\x1b[31mcause.", "topic": "x"},
        {"question": "How?", "answer": ""},
        {"question": "Why?", "answer": "Be\x1b[31mcause.", "topic": "x"},
        {"question": "When?", "answer": "later " * 50, "topic": "y"},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_the_table_marks_trained_tokens_and_escapes_control_characters(
    source: str, tiny_model: Path
) -> None:
    shown = run(source, *DROPPED, "--model", str(tiny_model), "--sequence-length", "100").stdout
    assert "question_answer" in shown
    assert "1: line 2" in shown
    assert "1: line 3" in shown
    assert "1: line 4" in shown
    assert "truncated to 100 tokens" in shown
    assert "line 1: ⟦…⟧ is trained, the rest is context" in shown
    assert "<|im_start|>assistant\n⟦Be␛[31mcause.<|im_end|>⟧\n" in shown
    assert "\x1b" not in shown


def test_json_holds_the_same_facts(source: str, tiny_model: Path) -> None:
    page = json.loads(run(source, *DROPPED, "--model", str(tiny_model), "--json").stdout)
    assert page["rows"] == 3
    assert page["empty"] == [2]
    assert page["repeated"] == [3]
    assert page["truncated"] == []
    assert page["example"]["segments"][1] == {
        "text": "Be\x1b[31mcause.<|im_end|>",
        "trained": True,
    }
    assert set(page["lengths"]) == {"p50", "p90", "p95", "p99", "max"}


def test_a_chosen_format_is_enforced(source: str, tiny_model: Path) -> None:
    refused = run(source, "--model", str(tiny_model), "--format", "alpaca")
    assert isinstance(refused.exception, BadInputError)
    assert "not alpaca" in str(refused.exception)


def test_columns_name_fields_that_are_not_recognised(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "rows.csv").write_text("Frage;Antwort\nWarum?;Darum.\n")
    arguments = (str(tmp_path / "rows.csv"), "--model", str(tiny_model), "--columns")
    shown = run(*arguments, "prompt=Frage,completion=Antwort").stdout
    assert "⟦Darum.<|im_end|>⟧" in shown
    refused = run(*arguments, "Frage,Antwort")
    assert isinstance(refused.exception, BadInputError)
    assert "write it as prompt=Question, completion=Reply" in str(refused.exception)


def test_missing_data_is_reported_before_the_model_is_located(tmp_path: Path) -> None:
    missing = run(str(tmp_path / "none.jsonl"), "--model", "no/such-model")
    assert isinstance(missing.exception, NotFoundError)
    assert "none.jsonl: no such file" in str(missing.exception)


def test_one_row_by_its_line(source: str, tiny_model: Path) -> None:
    show = partial(run, source, "--model", str(tiny_model), "--max-dropped", "0.25")
    shown = show("--row", "4", "--sequence-length", "60").stdout
    assert "line 4: ⟦…⟧ is trained, the rest is context; 36 of 60 tokens are trained" in shown
    assert "line 4: cut at 60 tokens" in shown
    assert "⟦later later" in shown
    row = json.loads(show("--row", "2", "--json").stdout)
    assert row["notes"] == ["dropped: blank"]
    row = json.loads(show("--row", "1", "--json").stdout)
    learned = [label for label in row["labels"] if label != -100]
    assert row["input_ids"][-len(learned) - 1 : -1] == learned


def test_a_line_without_a_row_is_named(source: str, tiny_model: Path) -> None:
    result = run(source, "--model", str(tiny_model), "--max-dropped", "0.25", "--row", "9")
    assert isinstance(result.exception, NotFoundError)
    assert "has no row at line 9" in str(result.exception)
