"""Rows on disk are the rows that were put there, and are read again only where they changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from workbench.data import splitting, storage
from workbench.data.duplicates import RowKeys, keys_of
from workbench.data.formats import Example, Message, Piece, Tokens
from workbench.data.splitting import hold_out, load_examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.data.rows import Row

CALL = {"type": "function", "id": "1", "function": {"name": "sum", "arguments": {"of": [1, 2]}}}
EXAMPLES = (
    Example(1, {"text": "ä \ud83d", "topic": None}, text="ä \ud83d"),
    Example(
        2,
        {"intent": "x"},
        messages=(
            Message("user", "Why?"),
            Message("assistant", "", trained=False, reasoning="So …", tool_calls=(CALL,)),
            Message("tool", "3", name="sum", tool_call_id="1"),
        ),
        tools=({"name": "sum"},),
    ),
    Example(5, {}, pieces=(Piece("a", trained=False), Piece("b", trained=True))),
    Example(9, {}, tokens=Tokens((1, 2), (-100, 2))),
)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    storage.write_rows(EXAMPLES, tmp_path / "rows")
    rows = storage.open_rows(tmp_path / "rows")
    assert tuple(rows) == EXAMPLES
    assert rows[-1] == EXAMPLES[-1]
    assert tuple(rows[1:3]) == EXAMPLES[1:3]
    assert tuple(rows.take(np.array([2, 0]))[:1]) == EXAMPLES[2:3]


@pytest.mark.parametrize("name", RowKeys._fields)
def test_stored_keys_are_those_of_the_rows(tmp_path: Path, name: str) -> None:
    storage.write_rows(EXAMPLES, tmp_path / "rows")
    rows = storage.open_rows(tmp_path / "rows")
    assert keys_of(rows, name).tolist() == keys_of(EXAMPLES, name).tolist()
    assert keys_of(rows[2:], name).tolist() == keys_of(EXAMPLES, name)[2:].tolist()


def test_values_that_json_has_not_become_text(tmp_path: Path) -> None:
    when = np.datetime64("2024-05-01")
    storage.write_rows([Example(1, {"when": when}, text="a")], tmp_path / "rows")
    assert storage.open_rows(tmp_path / "rows")[0].fields == {"when": "2024-05-01"}


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that counts as a large one, with a blank, an unfit row and a field without use."""
    monkeypatch.setattr(storage, "LARGE_FILE", 1)
    path = tmp_path / "rows.jsonl"
    rows: list[dict[str, object]] = [
        {"prompt": f"Q{number}", "completion": "A", "topic": "t"} for number in range(50)
    ]
    rows += [
        {"prompt": "Q", "completion": ""},
        {"prompt": "Q", "completion": [7]},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_large_file_is_read_as_a_small_one(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = load_examples(str(large))
    monkeypatch.undo()
    monkeypatch.setenv("FTWB_CACHE", str(large.parent / "other"))
    small = load_examples(str(large))
    assert isinstance(stored.rows, storage.LazyExamples)
    assert tuple(stored.rows) == small.rows
    assert {**vars(stored), "rows": None} == {**vars(small), "rows": None}
    sides = [tuple(side) for side in hold_out(stored.rows, 0.2, 3)[:2]]
    assert sides == list(hold_out(small.rows, 0.2, 3)[:2])


def test_a_file_is_read_again_only_if_it_or_the_settings_changed(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    iter_rows = splitting.iter_rows

    def counted(source: str, max_rows: int | None = None) -> Iterator[Row]:
        reads.append(source)
        return iter_rows(source, max_rows)

    monkeypatch.setattr(splitting, "iter_rows", counted)
    for _ in range(2):
        assert len(load_examples(str(large)).rows) == 50
    large.touch()
    assert len(load_examples(str(large)).rows) == 50
    assert len(reads) == 1
    assert len(load_examples(str(large), max_rows=3).rows) == 3
    large.write_text(large.read_text().replace("Q1", "R1"))
    assert load_examples(str(large)).rows[1].fields["prompt"] == "R1"
    assert len(reads) == 3


def test_old_datasets_leave_the_cache(large: Path, own_cache: Path) -> None:
    for rows in range(1, 11):
        load_examples(str(large), max_rows=rows)
    folders = [path for path in (own_cache / "data").iterdir() if path.is_dir()]
    assert len(folders) == 8
    assert len(load_examples(str(large), max_rows=10).rows) == 10


def test_many_rows_without_a_file_are_kept_on_disk_for_now(
    monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    monkeypatch.setattr(storage, "MOST_IN_MEMORY", 3)
    assert storage.keep_for_now(iter(EXAMPLES[:3])) == EXAMPLES[:3]
    rows = storage.keep_for_now(iter(EXAMPLES))
    assert isinstance(rows, storage.LazyExamples)
    assert tuple(rows) == EXAMPLES
    assert list((own_cache / "data").iterdir()) == []
