"""Encodings, compression and separators of text files."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from workbench.core.errors import BadInputError
from workbench.data.reading import is_data_file_name, iter_rows, row_unit

if TYPE_CHECKING:
    from pathlib import Path

ROWS = {
    "a.jsonl": '{"question": "Größe?", "answer": "Maß"}\n{"question": "x", "answer": "y"}\n',
    "a.json": '[{"question": "Größe?", "answer": "Maß"}, {"question": "x", "answer": "y"}]',
    "a.csv": "question,answer\nGröße?,Maß\nx,y\n",
    "a.tsv": "question\tanswer\nGröße?\tMaß\nx\ty\n",
}
LINES = b'{"text": "x"}\n' * 9999
WANTED = [{"question": "Größe?", "answer": "Maß"}, {"question": "x", "answer": "y"}]


def values(path: Path) -> list[object]:
    return [row.values for row in iter_rows(str(path))]


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(
    ("suffix", "compress"), [("", bytes), (".gz", gzip.compress), (".zst", zstd)]
)
def test_text_is_read_in_every_usual_dress(
    tmp_path: Path, name: str, encoding: str, suffix: str, compress
) -> None:
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(compress(ROWS[name].encode(encoding)))
    assert values(path) == WANTED
    assert is_data_file_name(str(path))
    assert row_unit(str(path)) == row_unit(str(tmp_path / name))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_header_of_a_csv_file_shows_its_separator(tmp_path: Path, separator: str) -> None:
    lines = ['"question"', "answer"], ['"Gr;ö,ß\te?"', "Maß"]
    (tmp_path / "a.csv").write_text("\r\n".join(map(separator.join, lines)), encoding="utf-8")
    assert values(tmp_path / "a.csv") == [{"question": "Gr;ö,ß\te?", "answer": "Maß"}]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.zst"])
@pytest.mark.parametrize("content", [LINES, gzip.compress(LINES)[:-20]], ids=["plain", "cut off"])
def test_a_file_that_is_not_what_its_name_says(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        BadInputError, match=r"damaged, or not compressed as its name says"
    ) as caught:
        values(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


def test_utf_16_that_breaks_off(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(ROWS["a.jsonl"].encode("utf-16")[:-1])
    with pytest.raises(BadInputError, match=r"after line 1: not UTF-16 text, as its start says"):
        values(tmp_path / "a.jsonl")


def test_another_encoding_is_named_by_line_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text\nx\nGröße\n".encode("cp1252"))
    with pytest.raises(
        BadInputError, match=r"a.csv: line 3: not UTF-8 text; save it as UTF-8 \(in"
    ):
        values(tmp_path / "a.csv")
