"""One way to write numbers, everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import workbench
from workbench.core.formatting import number, percent


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5e-4, "5e-4"),
        (0.00025, "2.5e-4"),
        (1e-5, "1e-5"),
        (0.001, "1e-3"),
        (-0.002, "-2e-3"),
        (1e-30, "1e-30"),
        (0.01, "0.01"),
        (0.05, "0.05"),
        (0, "0"),
        (1, "1"),
        (1e4, "10000"),
        (1e9, "1e9"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_a_number(value: float, written: str) -> None:
    assert number(value) == written
    assert value != value or float(written) == value  # noqa: PLR0124 - only NaN differs from itself


def test_fewer_digits_round() -> None:
    assert number(4.84721e-4, 3) == "4.85e-4"
    assert number(9.999e-4, 3) == "1e-3"


@pytest.mark.parametrize(
    ("share", "decimals", "written"), [(0.9, 0, "90 %"), (0.0061, 2, "0.61 %"), (1, 0, "100 %")]
)
def test_a_share(share: float, decimals: int, written: str) -> None:
    assert percent(share, decimals) == written
    assert percent(share, decimals, signed=True) == f"+{written}"


def test_no_text_writes_percent_by_itself() -> None:
    """Python's own ``%`` format has no space: what is shown goes through :func:`percent`."""
    own = re.compile(r"\{[^{}]*:[^{}]*%\}|\"\+?\.\d%\"")
    package = Path(workbench.__path__[0])
    found = [
        f"{path.relative_to(package)}: {match[0]}"
        for path in sorted(package.rglob("*.py"))
        for match in own.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
