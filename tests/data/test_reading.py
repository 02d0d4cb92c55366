"""Rows are read as they were written, and what cannot be read is reported by line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.core.errors import BadInputError, NotFoundError
from workbench.data.reading import iter_rows, row_unit
from workbench.data.rows import Row
from workbench.data.splitting import load_examples

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [{"text": "one"}, {"text": "zwei ü"}, {"text": "three\nlines\u2028long"}]


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def read_rows(source: str, max_rows: int | None = None) -> list[Row]:
    return list(iter_rows(source, max_rows))


def texts(source: str, max_rows: int | None = None) -> list[object]:
    return [row.values["text"] for row in read_rows(source, max_rows)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.JSONL", "lines_in.json"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS)
    assert texts(write(tmp_path / name, lines)) == [record["text"] for record in RECORDS]


@pytest.mark.parametrize("document", [RECORDS, {"data": RECORDS, "version": 1}])
def test_a_json_document_is_a_list_or_has_one_under_data(tmp_path: Path, document: object) -> None:
    source = write(tmp_path / "a.json", json.dumps(document))
    assert [row.number for row in read_rows(source)] == [1, 2, 3]
    assert texts(source) == [record["text"] for record in RECORDS]


def test_csv_counts_lines_not_records(tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", 'text,label\n"two\nlines",x\n\nlast,"y, z"\n')
    assert read_rows(source) == [
        Row(2, {"text": "two\nlines", "label": "x"}),
        Row(5, {"text": "last", "label": "y, z"}),
    ]


def test_a_cell_may_hold_a_long_document(tmp_path: Path) -> None:
    long = "word " * 50_000
    assert texts(write(tmp_path / "a.csv", f"text\n{long}\n")) == [long]


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "a.parquet")
    assert texts(str(tmp_path / "a.parquet")) == [record["text"] for record in RECORDS]


def test_times_and_bytes_in_parquet_disturb_nobody_until_they_are_answers(tmp_path: Path) -> None:
    moment = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))
    table = pa.table({"question": ["x"], "answer": ["y"], "at": moment, "blob": [b"\xff"]})
    pq.write_table(table, tmp_path / "a.parquet")
    dataset = load_examples(str(tmp_path / "a.parquet"))
    assert dataset.rows[0].messages[-1].content == "y"
    assert dataset.unused == ("at", "blob")
    pq.write_table(
        table.drop_columns("answer").rename_columns({"at": "answer"}), tmp_path / "b.parquet"
    )
    with pytest.raises(BadInputError, match=r"row 1: 'answer' is a Timestamp, not text"):
        load_examples(str(tmp_path / "b.parquet"))


def test_text_in_parquet_that_is_no_text_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = pa.array([b"good", b"\xff\xfe"]).view(pa.string())
    pq.write_table(pa.table({"text": wrong}), tmp_path / "a.parquet")
    with pytest.raises(BadInputError, match=r"a.parquet: .*'utf-8' codec"):
        read_rows(str(tmp_path / "a.parquet"))


def test_plain_text_is_one_document_a_block(tmp_path: Path) -> None:
    source = write(tmp_path / "a.txt", "\n \nfirst\r\nstill first\n\n\t\n\nsecond\n")
    assert read_rows(source) == [
        Row(3, {"text": "first\nstill first"}),
        Row(8, {"text": "second"}),
    ]


def test_a_byte_order_mark_is_not_data(tmp_path: Path) -> None:
    for name, content in {"a.jsonl": '{"text": "x"}', "a.csv": "text\nx\n", "a.txt": "x"}.items():
        assert texts(write(tmp_path / name, b"\xef\xbb\xbf" + content.encode())) == ["x"]


def test_only_the_first_rows_are_read(tmp_path: Path) -> None:
    good = '{"text": "a"}\n{"text": "b"}\n'
    assert texts(write(tmp_path / "a.jsonl", good + "broken"), max_rows=2) == ["a", "b"]


def test_blank_lines_do_not_shift_the_numbers(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '\n{"text": "a"}\n\n{"text": "b"}\n')
    assert [row.number for row in read_rows(source)] == [2, 4]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            b'{"a": 1}\nnope\n[1]\nnope\n',
            "lines 2 and 4: not JSON (Expecting value at character 1); line 3: not a",
        ),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "line 2: not UTF-8 text"),
        ("a.jsonl", b"[" * 100_000, "line 1: not JSON"),
        ("a.json", b'[{"a": 1},\n{"a": }]', "line 2: not JSON"),
        ("a.json", b'[{"a": 1}, 2, "x"]', "rows 2 and 3: not a JSON object"),
        ("a.json", b'{"b": [{"c": 1}]}', "has lists under 'b', and none under 'train' or 'data'"),
        ("a.json", b'[\n"\xe4"]', "line 2: not UTF-8 text"),
        ("a.csv", b"a,b\n1,2\n1\n1,2,3\n", "lines 3 and 4: not 2 cells as in the header"),
        ("a.csv", b'a,b\n1,"2\n', "line 2: not CSV"),
        ("a.csv", "a,b\n1,ü\n".encode("latin-1"), "line 2: not UTF-8 text"),
        ("a.txt", "first\n\nüber".encode("latin-1"), "line 3: not UTF-8 text"),
        ("a.parquet", b"PAR1 but not really", "not a Parquet file"),
        ("a.docx", b"x", "unknown type of file; known are .jsonl"),
        ("a.xlsx", b"x", "a spreadsheet; save it as 'CSV UTF-8'"),
    ],
)
def test_what_cannot_be_read_is_reported_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    source = write(tmp_path / name, content)
    with pytest.raises(BadInputError) as caught:
        read_rows(source)
    assert str(caught.value).startswith(f"{source}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt"])
@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str, content: str) -> None:
    source = write(tmp_path / name, content)
    with pytest.raises(BadInputError, match="has no rows"):
        read_rows(source)


@pytest.mark.parametrize("source", ["nowhere.jsonl", "no/where.csv", "nowhere", "./no/where"])
def test_a_missing_path(source: str) -> None:
    with pytest.raises(NotFoundError, match=r"no such file; a hub dataset is written owner/name"):
        read_rows(source)


def test_presets_are_read_by_name() -> None:
    rows = read_rows("preset:support_heldout")
    assert row_unit("preset:support_heldout") == "line"
    assert set(rows[0].values) == {"messages", "intent"}


def test_an_unknown_preset_lists_the_shipped_ones() -> None:
    with pytest.raises(NotFoundError, match=r"'nothing'; there are general, general_heldout, sup"):
        read_rows("preset:nothing")


@pytest.fixture
def hub_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that ``datasets`` reads as the hub dataset owner/name."""
    folder = tmp_path / "owner" / "name"
    folder.mkdir(parents=True)
    write(folder / "train.jsonl", '{"text": "a"}\n{"text": "b"}\n')
    write(folder / "test.jsonl", '{"text": "c"}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return folder


def test_hub_datasets_are_read_by_id_and_split(hub_copy: Path) -> None:
    assert texts("owner/name") == texts(str(hub_copy)) == ["a", "b"]
    assert read_rows("owner/name:test") == [Row(1, {"text": "c"})]
    with pytest.raises(BadInputError, match=r"owner/name:valid: .*valid"):
        read_rows("owner/name:valid")
    with pytest.raises(BadInputError, match=r"owner/name/french: .*french"):
        read_rows("owner/name/french")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to read as a dataset."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def test_a_folder_without_training_rows_says_which_split_to_name(folder: Path) -> None:
    write(folder / "test.jsonl", '{"text": "c"}\n')
    with pytest.raises(BadInputError, match=rf"name the split, as in {folder}:test$"):
        texts(str(folder))
    assert texts(f"{folder}:test") == ["c"]


@pytest.mark.parametrize(
    "other", ['{"text": ["b"]}\n', '{"texts": "b"}\n', "not json\n", '{"text": "\\ud800"}\n']
)
def test_a_folder_of_files_that_do_not_fit_together_names_them(folder: Path, other: str) -> None:
    write(folder / "a.jsonl", '{"text": "a"}\n')
    write(folder / "b.jsonl", other)
    with pytest.raises(BadInputError) as caught:
        read_rows(str(folder))
    message = str(caught.value)
    assert message.startswith(f"{folder}: its files (a.jsonl, b.jsonl) cannot be read as one ")
    assert message.endswith("; name one file of them")
    assert "\n" not in message


def test_an_empty_folder_is_refused_in_one_line(folder: Path) -> None:
    with pytest.raises((BadInputError, NotFoundError)) as caught:
        read_rows(str(folder))
    assert str(caught.value).startswith(f"{folder}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("splits", [True, False])
def test_a_folder_that_datasets_saved(folder: Path, splits: bool) -> None:
    from datasets import Dataset, DatasetDict

    rows = Dataset.from_list([{"text": "a"}, {"text": "b"}])
    (DatasetDict({"train": rows, "test": rows.select([1])}) if splits else rows).save_to_disk(
        folder
    )
    assert texts(str(folder)) == ["a", "b"]
    if splits:
        assert texts(f"{folder}:test") == ["b"]
        with pytest.raises(BadInputError, match=r"Unknown split .* name the split, as in"):
            texts(f"{folder}:valid")


def test_without_a_network_a_hub_id_gives_one_line(tmp_path: Path) -> None:
    code = (
        "from workbench.data.reading import iter_rows\n"
        "from workbench.core.errors import MachineError\n"
        "try:\n    next(iter_rows('owner/name'))\n"
        "except MachineError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": ""},
    )
    assert done.stdout == (
        "owner/name: no such file here, and the hub cannot be reached to look for a dataset\n"
    )


def test_files_are_read_without_heavy_libraries() -> None:
    code = (
        "import sys\n"
        "from workbench.data.splitting import load_split\n"
        "from workbench.recipe.data import DataSection\n"
        "print(len(load_split(DataSection(), 0).train) > 0)\n"
        "print({'torch', 'transformers', 'datasets', 'peft'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\nset()\n"
