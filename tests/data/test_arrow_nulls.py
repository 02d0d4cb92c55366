"""What went through Arrow says the same: the nulls that its tables fill in are absent fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data.splitting import load_examples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

_TEXT = st.text("abc é\n", min_size=1).filter(str.strip)
_ARGUMENTS = st.fixed_dictionaries({"who": _TEXT}, optional={"age": st.integers(0, 99)})
_CALL = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"name": _TEXT, "arguments": _ARGUMENTS})},
    optional={"id": _TEXT},
)
_ANSWER = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": _TEXT},
    optional={
        "weight": st.just(1),
        "reasoning_content": _TEXT,
        "tool_calls": st.lists(_CALL, min_size=1, max_size=2),
    },
)
_TURNS = st.builds(lambda text, answer: [{"role": "user", "content": text}, answer], _TEXT, _ANSWER)
_TOOL = st.fixed_dictionaries({"name": _TEXT}, optional={"description": _TEXT})
_CHAT = st.fixed_dictionaries(
    {"messages": _TURNS}, optional={"tools": st.lists(_TOOL, min_size=1, max_size=2)}
)
_PAIR = st.fixed_dictionaries(
    {"instruction": _TEXT, "output": _TEXT}, optional={"input": _TEXT, "system": _TEXT}
)


@settings(deadline=None, max_examples=50)
@given(records=st.lists(_CHAT | _PAIR, min_size=1, max_size=6))
def test_a_parquet_file_is_read_as_the_lines_that_it_was_made_of(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("arrow")
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    pq.write_table(_table(records), folder / "a.parquet")
    assert _said(folder / "a.parquet") == _said(folder / "a.jsonl")


def _table(records: Sequence[dict[str, Any]]) -> pa.Table:
    """A table with every field of every record, null where a record has none."""
    names = {name: None for record in records for name in record}
    return pa.Table.from_pylist([names | record for record in records])


def _said(path: Path) -> list[tuple[object, ...]]:
    dataset = load_examples(str(path))
    assert dataset.unused == ()
    return [(row.messages, row.text, row.tools) for row in dataset.rows]
