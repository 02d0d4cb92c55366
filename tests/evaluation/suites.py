"""Suites made in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.suites.suites import Suite

if TYPE_CHECKING:
    from workbench.evaluation.suites.items import Item
    from workbench.evaluation.suites.scorer import Scorer


def make_suite(name: str, scorer: Scorer, *items: Item, new_tokens: int = 5) -> Suite:
    return Suite(
        name=name,
        title=name,
        description="",
        measures="knowledge",
        scorer=scorer,
        items=items,
        new_tokens=new_tokens,
    )
