"""What a form says beside a field: what is usual, and what to make of the value in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.formatting import number

if TYPE_CHECKING:
    from workbench.planning.learning_rates import JudgedRate


@dataclass(frozen=True)
class Advice:
    """What is usual for a field.

    Attributes:
        usual: In a few characters, such as a range.
        source: For what it holds and whose experience it is.
        warning: What may come of the value in the field; empty where it is usual.
    """

    usual: str
    source: str
    warning: str = ""


def advice_on(rate: JudgedRate) -> Advice:
    """What to say beside a learning rate."""
    return Advice(
        usual=f"{number(rate.low)} to {number(rate.high)}",
        source=f"{rate.setting}: {rate.source}",
        warning="" if rate.verdict == "usual" else f"{number(rate.rate)} {rate.meaning}",
    )
