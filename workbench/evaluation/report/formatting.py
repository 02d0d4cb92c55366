"""Findings in the words and figures that every page of them uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from workbench.core.formatting import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.analysis.findings import (
        BenchmarkScore,
        Capability,
        Findings,
        Interval,
        TargetTask,
    )

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

BENCHMARKS_NOTE = (
    "Scores of lm-evaluation-harness with their standard errors; changes with 95 % intervals, "
    "paired where it scores single documents. Shown, never judged."
)


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
    return "-" if value is None else percent(value)


def nats(value: float | None) -> str:
    """Nats per token, or a dash where there are none."""
    if value is None:
        return "-"
    text = f"{value:.3f}" if abs(value) >= _SMALL or not value else f"{value:.1e}"
    return text.replace("-", MINUS)


def interval(found: Interval) -> str:
    """Nats per token with the ends of their interval."""
    return f"{nats(found.value)} ({nats(found.low)} … {nats(found.high)})"


def part(value: float) -> str:
    """A share between 0 and 1 with two decimals: ``.91``."""
    return f"{value:.2f}".removeprefix("0")


def sampled(task: TargetTask) -> str:
    """How many of its rows a target score rests on; empty where it rests on all."""
    return f", {task.n:,} of {task.of:,} rows" if task.n < task.of else ""


def signed(value: float) -> str:
    """A change with three decimals and its sign."""
    return f"{value:+.3f}".replace("-", MINUS)


def scored(value: float, error: float | None) -> str:
    """A benchmark's score with its standard error where that is known."""
    return f"{value:.3f}" if error is None else f"{value:.3f} ± {error:.3f}"


def moved_by(score: BenchmarkScore) -> str:
    """A benchmark's change with its interval where that is known."""
    if score.change is None:
        return signed(score.after - score.before)
    return (
        f"{signed(score.change.value)} ({signed(score.change.low)} … {signed(score.change.high)})"
    )


def conditions(score: BenchmarkScore) -> str:
    """How a benchmark was asked: its version, the examples it gives, and how much of it."""
    version = f"v{score.version}, " if score.version else ""
    documents = f"{score.n:,} of {score.of:,}" if score.n < score.of else f"{score.n:,}"
    return f"{version}{score.few_shot}-shot, n {documents}"


def turned(score: BenchmarkScore) -> str:
    """How many single documents a benchmark lost and gained; empty where none is scored."""
    return "" if score.lost is None else f"{score.lost:,} lost, {score.gained:,} gained"


def unjudged(capability: Capability) -> str:
    """Why a capability has no verdict."""
    return "not judged" if capability.kind == "information" else "no headroom"


class Measured(NamedTuple):
    """A line of the report beside the capabilities."""

    name: str
    value: str
    rating: Rating | None = None


def measured(findings: Findings) -> list[Measured]:
    """What was learned, what was kept and what moved, in the order of interest."""
    task, index, leak = findings.target_task, findings.retention_index, findings.domain_leak
    lines = []
    if task.change is not None:
        by = f"{points(task.change.value)} points {span(task.change.low, task.change.high)}"
        scores = f"{share(task.before)} → {share(task.after)}"
        lines.append(Measured("Target task", f"{scores}, {by}{sampled(task)}"))
    if task.nll_before is not None:
        lines.append(
            Measured(
                "Held-out loss", f"{nats(task.nll_before)} → {nats(task.nll_after)} nats/token"
            )
        )
    if index is not None:
        ends = f"({part(index.low)} … {part(index.high)})"
        lines.append(Measured("Retention index", f"{part(index.value)} {ends}"))
    for measure in ("kl_general", "delta_nll"):
        found: Interval | None = getattr(findings, measure)
        if found is not None:
            words = f"{interval(found)} nats/token"
            lines.append(Measured(MEASURES[measure], words, rating(measure, found.value)))
    if leak is not None:
        words = f"{points(leak.value)} points {span(leak.low, leak.high)}"
        lines.append(Measured(MEASURES["domain_leak"], words, rating("domain_leak", leak.value)))
    if findings.kl_task is not None:
        lines.append(
            Measured("KL to base on task text", f"{interval(findings.kl_task)} nats/token")
        )
    if findings.noise_floor is not None:
        words = f"{nats(findings.noise_floor)} nats/token, base against itself"
        lines.append(Measured("Noise floor of KL", words))
    return lines


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
