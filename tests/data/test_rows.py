"""Unusable rows are listed in one line, grouped by reason."""

from __future__ import annotations

import pytest

from workbench.data.rows import RowFault, list_numbers, rows_error


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([3], "line 3"),
        ([3, 17], "lines 3 and 17"),
        ([3, 17, 20], "lines 3, 17 and 20"),
        ([3, 17, 20, 21, 40], "lines 3, 17, 20 and 2 more"),
    ],
)
def test_the_first_numbers_are_listed_and_the_rest_counted(
    numbers: list[int], expected: str
) -> None:
    assert list_numbers(numbers, "line") == expected


def test_rows_are_grouped_by_reason() -> None:
    faults = [RowFault(2, "not JSON"), RowFault(5, "not UTF-8 text"), RowFault(9, "not JSON")]
    assert str(rows_error("a.jsonl", faults, "line")) == (
        "a.jsonl: lines 2 and 9: not JSON; line 5: not UTF-8 text"
    )


def test_only_the_first_reasons_are_listed() -> None:
    faults = [RowFault(number, f"fault {number}") for number in range(1, 6)]
    assert str(rows_error("a", faults, "row")) == (
        "a: row 1: fault 1; row 2: fault 2; row 3: fault 3; and other faults"
    )
