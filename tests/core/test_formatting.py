"""Numbers, sizes and durations are written one way everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import workbench
from workbench.core.formatting import GIB, age, compact, duration, file_size, number, percent


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


def test_percentages_are_written_by_the_formatter() -> None:
    """Python's own ``%`` format has no space, so every percentage goes through :func:`percent`."""
    own = re.compile(r"\{[^{}]*:[^{}]*%\}|\"\+?\.\d%\"")
    package = Path(workbench.__path__[0])
    offenders = [
        f"{path.relative_to(package)}: {match[0]}"
        for path in sorted(package.rglob("*.py"))
        for match in own.finditer(path.read_text(encoding="utf-8"))
    ]
    assert offenders == []


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (999, "999"),
        (1234, "1.23 k"),
        (1.4e6, "1.4 M"),
        (134_515_008, "135 M"),
        (7e9, "7 G"),
    ],
)
def test_a_count(value: float, written: str) -> None:
    assert compact(value) == written


@pytest.mark.parametrize(
    ("size", "written"),
    [
        (0, "0 MiB"),
        (50 << 20, "50 MiB"),
        (GIB // 5, "0.20 GiB"),
        (3 * GIB, "3.00 GiB"),
        (80 * GIB, "80.0 GiB"),
    ],
)
def test_a_size(size: float, written: str) -> None:
    assert file_size(size) == written


@pytest.mark.parametrize(
    ("seconds", "clock", "ago"),
    [
        (0, "0:00", "now"),
        (250, "4:10", "4 min"),
        (3723, "1:02:03", "1 h"),
        (200_000, "55:33:20", "2 d"),
    ],
)
def test_a_duration(seconds: float, clock: str, ago: str) -> None:
    assert duration(seconds) == clock
    assert age(seconds) == ago
