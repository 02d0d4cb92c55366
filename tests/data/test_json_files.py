"""JSON is read however it is laid out, as a stream, and its faults are named by line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.errors import BadInputError
from workbench.data import json_files
from workbench.data.reading import iter_rows, row_unit

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [{"text": "one"}, {"text": "two \\ [{,"}, {"text": "three\n"}]
CHAT = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]


def rows(path: Path, content: str) -> list[Any]:
    path.write_text(content, encoding="utf-8")
    return [row.values for row in iter_rows(str(path))]


def refused(path: Path, content: str) -> str:
    with pytest.raises(BadInputError) as caught:
        rows(path, content)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "unit"),
    [
        ("\n".join(map(json.dumps, RECORDS)), "line"),
        (json.dumps(RECORDS), "row"),
        (json.dumps(RECORDS, indent=1), "row"),
        ("\n".join(json.dumps(record, indent=1) for record in RECORDS), "row"),
        (",\n".join(map(json.dumps, RECORDS)) + ",\n", "row"),
        ("".join(map(json.dumps, RECORDS)), "row"),
        (json.dumps({"train": RECORDS, "test": RECORDS[:1]}, indent=1), "row"),
    ],
)
def test_every_layout_is_read_under_either_name(tmp_path: Path, content: str, unit: str) -> None:
    for name in ("a.jsonl", "a.json"):
        assert rows(tmp_path / name, content) == RECORDS
    assert row_unit(str(tmp_path / "a.jsonl")) == unit


_KEYS = st.text().map("k{}".format)
_RECORDS = st.lists(
    st.dictionaries(_KEYS, st.text() | st.integers() | st.lists(st.text())), min_size=1
)


@settings(deadline=None, max_examples=50)
@given(records=_RECORDS, indent=st.sampled_from([None, 0, 2]), chunk=st.integers(1, 40))
def test_values_are_found_wherever_the_reader_stops_to_read_on(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], indent: int | None, chunk: int
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    written = [json.dumps(record, indent=indent) for record in records]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_files, "_CHUNK", chunk)
        assert rows(path, json.dumps(records, indent=indent)) == records
        assert rows(path, "\n".join(written)) == records
        assert rows(path, "".join(written)) == records


def test_a_list_of_conversations_and_the_turns_of_a_single_one(tmp_path: Path) -> None:
    chats = [{"messages": CHAT}, {"messages": CHAT}]
    assert rows(tmp_path / "a.json", json.dumps([CHAT, CHAT])) == chats
    assert rows(tmp_path / "a.jsonl", "\n".join([json.dumps(CHAT)] * 2)) == chats
    assert rows(tmp_path / "a.json", json.dumps(CHAT * 2)) == [{"messages": CHAT * 2}]


def test_a_single_conversation_is_no_document_of_lists(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.json", json.dumps({"messages": CHAT})) == [{"messages": CHAT}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"a": 1},\n{"a": 2},\n]', "line 3: not JSON (a comma before the closing bracket; remo"),
        ('[{"a": 1,\n}]', "line 2: not JSON (a comma before the closing bracket; remove it)"),
        ('[{"a": 1}\n{"a": 2}]', "line 2: not JSON (no comma between two items of the list)"),
        ('[{"a": 1},\n{"a": 2}', "line 2: not JSON (the list is not closed, as in a file that is"),
        ('[{"a": 1},\n{"a": ', "line 2: not JSON (it ends within a value, as a file that is cut"),
        ('[{"a": 1}]\n{"a": 2}', "line 2: not JSON (text after the end of the list)"),
        ("[\n{'a': 1}]", "line 2: not JSON (in single quotes, as Python prints it; write it with"),
        ("{\"a\": 1}\n{'a': 1}", "line 2: not JSON (in single quotes, as Python prints it; write"),
        ('{"a": 1}\n{"a": None}', "line 2: not JSON (None, True or False as Python prints them"),
        ('{"a": 1}\n{"a": 2},\n', "line 2: not JSON (a comma after the value; remove it)"),
        ('{"a": 1}\n{"a": 2}{"a": 3}', "line 2: not JSON (more than one value in a line; write"),
    ],
)
def test_faults_name_their_line_and_the_remedy(tmp_path: Path, content: str, reason: str) -> None:
    assert refused(tmp_path / "a.jsonl", content).startswith(reason)


@pytest.mark.parametrize("document", [True, False])
def test_half_a_character_is_refused_and_a_whole_one_is_not(tmp_path: Path, document: bool) -> None:
    half, whole = '{"text": "Great \\ud83d"}', '{"text": "Great \\ud83d\\ude00"}'
    both = f"[{whole},\n{half}]" if document else f"{whole}\n{half}"
    message = refused(tmp_path / "a.jsonl", both)
    unit = "row" if document else "line"
    assert message.startswith(
        f"{unit} 2: has half of a character (\\ud83d), as where a text is cut"
    )
    assert rows(tmp_path / "a.jsonl", whole) == [{"text": "Great \U0001f600"}]


def test_a_long_value_is_parsed_a_few_times_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_files, "_CHUNK", 100)
    parsed: list[int] = []

    class Counting(json.JSONDecoder):
        def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
            parsed.append(len(s))
            return super().raw_decode(s, idx)

    monkeypatch.setattr(json_files, "_DECODER", Counting())
    record = {"lines": ["word"] * 20_000}
    assert rows(tmp_path / "a.json", json.dumps([record], indent=1)) == [record]
    assert sum(parsed) < 4 * 20_000 * len('  "word",\n')


def test_a_document_of_gigabytes_is_to_be_lines_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_files, "_CHUNK", 10)
    monkeypatch.setattr(json_files, "_LONGEST_VALUE", 100)
    content = json.dumps({"train": RECORDS * 10}, indent=1)
    assert "more than 1 GB in one value; write the rows as .jsonl" in refused(
        tmp_path / "a.json", content
    )
