"""Findings in the words and figures that every page of them uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.probes.findings import Capability, Interval
    from workbench.probes.items import Measures

Rating = Literal["good", "watch", "bad"]

MINUS = "\N{MINUS SIGN}"
"""As wide as the plus, and no line is broken behind it."""

_SMALL = 0.001

Rated = Literal["kl_general", "delta_nll", "domain_leak"]

SCALES: dict[Rated, tuple[float, float]] = {
    "kl_general": (0.05, 0.3),
    "delta_nll": (0.03, 0.2),
    "domain_leak": (0.03, 0.15),
}
"""Where a measure is no longer good, and where it is bad: nats per token, and a share."""

MEASURES: dict[Rated, str] = {
    "kl_general": "KL to base on general text",
    "delta_nll": "Change of the loss on general text",
    "domain_leak": "Domain leak",
}
"""What the measures are called."""

KINDS: dict[Measures, str] = {
    "knowledge": "knowledge",
    "behaviour": "behaviour, not knowledge",
    "safety": "safety",
    "information": "information",
}
"""What a fall of a capability's score means."""


def rating(measure: Rated, value: float) -> Rating:
    """Place a value on the scale of its measure."""
    good, bad = SCALES[measure]
    if value > bad:
        return "bad"
    return "watch" if value > good else "good"


def points(value: float) -> str:
    """Write a change of a share in signed percentage points: ``-0.18`` is minus 18."""
    rounded = round(100 * value)
    return f"{rounded:+d}".replace("-", MINUS) if rounded else "0"


def size_in_points(value: float) -> str:
    """A size in percentage points, without a sign and with its word: ``9 points``."""
    number = f"{100 * value:.1f}".removesuffix(".0")
    return f"{number} point" if number == "1" else f"{number} points"


def span(low: float, high: float) -> str:
    """The ends of an interval of changes, in points and in brackets."""
    return f"({points(low)} … {points(high)})"


def share(value: float | None) -> str:
    """Write a share in percent, or a dash where there is none."""
    return "-" if value is None else f"{100 * value:.0f} %"


def nats(value: float | None) -> str:
    """Nats per token, or a dash where there are none."""
    if value is None:
        return "-"
    text = f"{value:.3f}" if abs(value) >= _SMALL or not value else f"{value:.1e}"
    return text.replace("-", MINUS)


def interval(found: Interval | None) -> str:
    """Nats per token with the ends of their interval."""
    if found is None:
        return "not measured"
    return f"{nats(found.value)} ({nats(found.low)} … {nats(found.high)})"


def verdict(capability: Capability) -> str:
    """The verdict with what is to be known beside it."""
    if capability.kind == "information":
        return "not judged"
    if capability.verdict is None:
        return "no headroom"
    if capability.verdict == "FAIL":
        return f"FAIL   {KINDS[capability.kind]}"
    if capability.needed:
        return f"INCONCLUSIVE   {capability.needed:,} items would tell"
    return capability.verdict


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
