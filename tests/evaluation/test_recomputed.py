"""Report pages against numbers that other code computes from the same report.json."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.evaluation import recompute as script
from tests.evaluation.reports import Suite, make_report
from workbench.evaluation import pages
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.formatting import MINUS
from workbench.evaluation.report import Report, TextResult

if TYPE_CHECKING:
    from numpy.random import Generator

    from workbench.evaluation.suites.items import ItemResult

SUITES = (
    Suite("facts", kept=80, lost=30, gained=6, never=60, chance=0.25),
    Suite("sums", kept=20, lost=25, gained=5, never=34, measures="behaviour"),
    Suite("refuses", kept=40, lost=5, never=5, measures="safety"),
    Suite("creative", kept=3, lost=2, measures="information"),
)


def text(random: Generator) -> TextResult:
    return TextResult(
        tokens=int(random.integers(20, 60)),
        nll=3.0 + random.normal(0, 0.2),
        kl=0.4 + random.random(),
        openings=1,
        opening_kl=3 + random.random(),
    )


@pytest.fixture(scope="module")
def report() -> Report:
    """A report with clusters, contaminated items, and KL that varies over sequences."""
    random = np.random.default_rng(4)
    made = make_report(
        *SUITES,
        contaminated=("facts/i3", "facts/i90"),
        boilerplate=("help with billing", "your ticket number"),
    )
    after = [text(random) for _ in range(40)]
    before = [each.model_copy(update={"nll": 2.9, "kl": 0.0, "opening_kl": 0.0}) for each in after]
    sides: dict[str, Any] = {}
    for name, general in (("before", before), ("after", after)):
        side = getattr(made, name)
        items = tuple(_clustered(place, item, name) for place, item in enumerate(side.items))
        sides[name] = side.model_copy(update={"items": items, "general": tuple(general)})
    return made.model_copy(update=sides)


def _clustered(place: int, item: ItemResult, side: str) -> ItemResult:
    """Templates and difficulties for sums, and a result that speaks like its task now and then."""
    leaks = side == "after" and place % 3 == 0
    changed: dict[str, Any] = {"answer": "We help with billing!" if leaks else "Billing? We help."}
    if item.suite == "sums":
        level = int(item.id[1:]) % 3
        changed |= {"cluster": f"t{place // 7}", "id": f"{item.id}-{level}-{place:03}"}
    return item.model_copy(update=changed)


def values(cell: str) -> list[float]:
    """The numbers in a cell of the page."""
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", cell.replace(MINUS, "-"))]


def rows(report: Report) -> dict[str, list[str]]:
    page = pages.markdown(pages.About("made"), analyse(report))
    cells = (line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| "))
    found: dict[str, list[str]] = {}
    for row in cells:
        found.setdefault(row[0].replace("\\", ""), []).extend(row[1:])
    return found


def recomputed(report: Report) -> dict[str, script.Numbers]:
    return script.recompute(json.loads(report.model_dump_json()))


def test_every_row_of_the_capabilities_agrees_to_rounding(report: Report) -> None:
    shown = rows(report)
    for suite in SUITES:
        title = suite.facts.title
        numbers = recomputed(report)[title]
        cells = shown[title][-8:]
        assert int(cells[0]) == numbers["n"]
        assert float(cells[1]) == pytest.approx(numbers["before"], abs=0.0051)
        assert float(cells[2]) == pytest.approx(numbers["after"], abs=0.0051)
        expected = [100 * numbers[name] for name in ("change", "low", "high")]
        assert values(cells[3]) == pytest.approx(expected, abs=0.51)
        assert [int(cells[4]), int(cells[5])] == [numbers["lost"], numbers["gained"]]


@pytest.mark.parametrize(
    "measure", ["KL to base at the opening", "KL to base of the body", "Loss on general text"]
)
def test_every_measure_of_text_agrees(report: Report, measure: str) -> None:
    numbers = recomputed(report)[measure]
    value, low, high, _limit = values(rows(report)[measure][0])
    assert value == pytest.approx(numbers["value"], abs=0.00051)
    width = numbers["high"] - numbers["low"]
    assert (low, high) == pytest.approx((numbers["low"], numbers["high"]), abs=0.06 * width)


def test_all_items_together_agree(report: Report) -> None:
    numbers = recomputed(report)["All items together"]
    expected = [100 * numbers[name] for name in ("value", "low", "high")]
    assert values(rows(report)["All items together"][0])[:3] == pytest.approx(expected, abs=0.51)


def test_the_retention_index_agrees(report: Report) -> None:
    numbers, index = recomputed(report)["Retention index"], analyse(report).retention_index
    assert index is not None
    assert index.value == pytest.approx(numbers["value"])
    assert (index.low, index.high) == pytest.approx((numbers["low"], numbers["high"]), abs=0.02)


def test_the_domain_leak_agrees(report: Report) -> None:
    value = 100 * recomputed(report)["Domain leak"]["value"]
    assert value > 20
    assert values(rows(report)["Domain leak"][0])[0] == pytest.approx(value, abs=0.51)


def test_the_p_values_agree_where_items_are_alone(report: Report) -> None:
    found = {each.title: each for each in analyse(report).capabilities}
    alone = found["Creative"]
    assert alone.p == pytest.approx(recomputed(report)["Creative"]["p"])
    assert found["Refuses"].p >= recomputed(report)["Refuses"]["p"]  # Holm


def test_the_script_imports_nothing_of_the_analysis() -> None:
    tree = ast.parse(Path(script.__file__).read_text(encoding="utf-8"))
    names = [
        name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (getattr(node, "module", None), *(alias.name for alias in node.names))
    ]
    assert not any(str(name).startswith("workbench") for name in names)
