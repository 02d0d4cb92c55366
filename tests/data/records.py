"""Datasets of a few rows, written in the test that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from workbench.core.errors import BadInputError
from workbench.data.formats import to_examples
from workbench.data.rows import Row

if TYPE_CHECKING:
    from workbench.data.formats import Example, Examples
    from workbench.recipe.columns import Column
    from workbench.recipe.data import DataFormat


def examples(
    *records: dict[str, Any],
    form: DataFormat = "auto",
    columns: dict[Column, str] | None = None,
    max_dropped: float | None = 0.05,
) -> Examples:
    """The records as a dataset, in lines 1, 2, 3 …"""
    rows = [Row(number, record) for number, record in enumerate(records, 1)]
    return to_examples(rows, form, "data.jsonl", "line", columns, max_dropped)


def example(record: dict[str, Any], **options: Any) -> Example:
    """The only row of a dataset."""
    (row,) = examples(record, **options).rows
    return row


def refused(*records: dict[str, Any], **options: Any) -> str:
    """Why the records are refused: one line that begins with the source."""
    with pytest.raises(BadInputError) as caught:
        examples(*records, **options)
    message = str(caught.value)
    assert message.startswith("data.jsonl: ")
    assert "\n" not in message
    return message


def turns(*pairs: tuple[object, object]) -> dict[str, Any]:
    """A row of messages, from pairs of role and content."""
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}
