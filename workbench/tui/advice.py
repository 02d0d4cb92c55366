"""Advice beside a field of the form: usual values, and a warning about an unusual one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.formatting import number

if TYPE_CHECKING:
    from workbench.planning.learning_rates import JudgedRate


@dataclass(frozen=True)
class Advice:
    """Usual values of a field.

    Attributes:
        usual: In a few characters, such as a range.
        source: The setting they hold for, and where they come from.
        warning: What the value in the field may cause; empty if it is usual.
    """

    usual: str
    source: str
    warning: str = ""


def advice_on(rate: JudgedRate) -> Advice:
    """Advice for a learning rate."""
    return Advice(
        usual=f"{number(rate.low)} to {number(rate.high)}",
        source=f"{rate.setting}: {rate.source}",
        warning="" if rate.verdict == "usual" else f"{number(rate.rate)} {rate.meaning}",
    )
