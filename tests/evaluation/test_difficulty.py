"""Difficulties at which the base has nothing to lose, or loses nothing soon, are not judged."""

from __future__ import annotations

import pytest

from tests.evaluation.reports import Suite, make_report
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.difficulty import uninformative_levels
from workbench.evaluation.suites.items import ItemResult


def results(**right_of: tuple[int, int]) -> list[ItemResult]:
    """Items of levels given as ``_1=(right, asked)``; ``_`` are items without a difficulty."""
    return [
        ItemResult(
            suite="steps",
            id=f"sum{level.replace('_', '-')}-{number:03}" if level != "_" else f"sum-{number}",
            prompt="?",
            score=float(number < right),
            answer="",
        )
        for level, (right, asked) in right_of.items()
        for number in range(asked)
    ]


@pytest.mark.parametrize(
    ("base", "left_out"),
    [
        ({"_1": (20, 40), "_2": (10, 40)}, ()),
        ({"_1": (20, 40), "_2": (1, 40)}, ("2",)),
        ({"_1": (40, 40), "_2": (20, 40), "_3": (0, 40)}, ("1", "3")),
        ({"_1": (38, 40), "_2": (39, 40)}, ("2",)),
    ],
)
def test_floor_and_ceiling_are_left_out(
    base: dict[str, tuple[int, int]], left_out: tuple[str, ...]
) -> None:
    assert uninformative_levels(results(**base), chance=0.0) == left_out


def test_guessing_is_the_floor_where_options_are_given() -> None:
    base = results(_1=(30, 40), _2=(12, 40))
    assert uninformative_levels(base, chance=0.25) == ("2",)
    assert uninformative_levels(base, chance=0.0) == ()


def test_a_few_items_prove_nothing() -> None:
    assert uninformative_levels(results(_1=(5, 10), _2=(0, 10)), chance=0.0) == ()


def test_what_is_all_there_is_stays() -> None:
    assert uninformative_levels(results(_1=(40, 40), _2=(0, 40)), chance=0.0) == ()
    assert uninformative_levels(results(_=(0, 40)), chance=0.0) == ()


def test_losses_are_judged_where_the_base_has_something_to_lose() -> None:
    """The easy half is never lost; of the other, the base knows half and the result loses that."""
    report = make_report(Suite("steps", kept=60, lost=20, never=20))
    renamed = {
        side: getattr(report, side).model_copy(
            update={
                "items": tuple(
                    item.model_copy(update={"id": f"sum-{1 if place < 60 else 2}-{place:03}"})
                    for place, item in enumerate(getattr(report, side).items)
                )
            }
        )
        for side in ("before", "after")
    }
    findings = analyse(report.model_copy(update=renamed))
    (capability,) = findings.capabilities
    assert (capability.n, capability.before, capability.after) == (40, 0.5, 0.0)
    assert any("Steps: difficulty 1 left out of the verdict" in note for note in findings.notes)
