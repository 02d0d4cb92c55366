"""Faults are told in one line that names the rows."""

from __future__ import annotations

import pytest

from workbench.data.row_errors import Fault, name_numbers, refusal


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([3], "line 3"),
        ([3, 17], "lines 3 and 17"),
        ([3, 17, 20], "lines 3, 17 and 20"),
        ([3, 17, 20, 21, 40], "lines 3, 17, 20 and 2 more"),
    ],
)
def test_numbers_are_named_and_the_rest_counted(numbers: list[int], told: str) -> None:
    assert name_numbers(numbers, "line") == told


def test_rows_of_the_same_fault_stand_together_on_one_line() -> None:
    faults = [Fault(2, "not JSON"), Fault(5, "not UTF-8 text"), Fault(9, "not JSON")]
    assert str(refusal("a.jsonl", faults, "line")) == (
        "a.jsonl: lines 2 and 9: not JSON; line 5: not UTF-8 text"
    )


def test_many_kinds_of_fault_are_cut_short() -> None:
    faults = [Fault(number, f"fault {number}") for number in range(1, 6)]
    assert str(refusal("a", faults, "row")) == (
        "a: row 1: fault 1; row 2: fault 2; row 3: fault 3; and other faults"
    )
