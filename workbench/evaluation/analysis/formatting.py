"""Numbers of findings as text, the same on every page and screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from workbench.core.formatting import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.analysis.findings import (
        BenchmarkScore,
        Capability,
        Criterion,
        Findings,
        Interval,
        TargetTask,
    )
    from workbench.evaluation.suites.items import Measures

Rating = Literal["good", "watch", "bad"]

RatedMeasure = Literal["kl_general", "delta_nll", "domain_leak"]

SCALES: dict[RatedMeasure, tuple[float, float]] = {
    "kl_general": (0.05, 0.3),
    "delta_nll": (0.03, 0.2),
    "domain_leak": (0.03, 0.15),
}
"""Upper limits of good and of watch: nats per token, and a share for the leak."""

MEASURES: dict[RatedMeasure, str] = {
    "kl_general": "KL to base on general text",
    "delta_nll": "Change of the loss on general text",
    "domain_leak": "Domain leak",
}
"""Display names of the rated measures."""

MEANINGS: dict[Measures, str] = {
    "knowledge": "what the model knows: a drop is knowledge lost",
    "behaviour": "how it answers: a drop can hide knowledge that is still there",
    "safety": "what it refuses: judged on each side, not part of the retention index",
    "information": "shown, never judged",
}
"""What a drop of a suite's score means, in the order in which kinds of suites are shown."""

MINUS = "\N{MINUS SIGN}"
"""As wide as the plus sign, and no line break after it."""

BENCHMARKS_NOTE = (
    "Scores of lm-evaluation-harness with standard errors; changes with 95 % intervals, paired "
    "where it scores single documents. Shown, never judged."
)

_SMALL = 0.001


class MeasureRow(NamedTuple):
    """A row of the report besides the capabilities."""

    name: str
    value: str
    rating: Rating | None = None


def rating(measure: RatedMeasure, value: float) -> Rating:
    """Rate a value on the scale of its measure."""
    good, watch = SCALES[measure]
    if value > watch:
        return "bad"
    return "watch" if value > good else "good"


def points(value: float) -> str:
    """A change of a share in signed percentage points: ``-0.18`` is minus 18."""
    rounded = round(100 * value)
    return f"{rounded:+d}".replace("-", MINUS) if rounded else "0"


def size_in_points(value: float) -> str:
    """A size in percentage points with its unit: ``9 points``."""
    number = f"{100 * value:.1f}".removesuffix(".0")
    return f"{number} point" if number == "1" else f"{number} points"


def span(low: float, high: float) -> str:
    """The ends of an interval of changes, in points: ``(-12 … +3)``."""
    return f"({points(low)} … {points(high)})"


def share(value: float | None) -> str:
    """A share in percent, or a dash for None."""
    return "-" if value is None else percent(value)


def nats(value: float | None) -> str:
    """Nats per token, or a dash for None."""
    if value is None:
        return "-"
    text = f"{value:.3f}" if abs(value) >= _SMALL or not value else f"{value:.1e}"
    return text.replace("-", MINUS)


def nats_interval(interval: Interval) -> str:
    """Nats per token with their interval: ``0.120 (0.100 … 0.140)``."""
    return f"{nats(interval.value)} ({nats(interval.low)} … {nats(interval.high)})"


def points_interval(interval: Interval) -> str:
    """A change in points with its interval: ``+9 points (+2 … +16)``."""
    return f"{points(interval.value)} points {span(interval.low, interval.high)}"


def level(findings: Findings) -> str:
    """The confidence of the intervals: ``95 %``, or more where the data are looked at again."""
    return f"{100 * findings.level:.4g} %"


def criterion_value(criterion: Criterion) -> str:
    """What was measured, with interval and limit, or why it was not."""
    interval = criterion.interval
    if interval is None:
        return f"not measured: {criterion.note}"
    if criterion.unit == "points":
        write, limit = points, points(criterion.limit)
    else:
        write, limit = nats, f"{criterion.limit:g}"
    ends = f"{write(interval.low)} … {write(interval.high)}"
    return f"{write(interval.value)} {criterion.unit} ({ends}, limit {limit})"


def criterion_measured(criterion: Criterion) -> str:
    """A criterion as a clause: ``domain leak +99 points (+89 … +100, limit +15)``."""
    return f"{in_sentence(criterion.title)} {criterion_value(criterion)}"


def criterion_open(criterion: Criterion) -> str:
    """A criterion that is not decided, with what would decide it."""
    return f"{criterion_measured(criterion)}: {what_decides(criterion)}"


def what_decides(criterion: Criterion) -> str:
    """How many items would decide an inconclusive criterion, or that none will."""
    if not criterion.needed:
        return f"so near the limit that no number of {criterion.counted} will decide"
    return f"{criterion.needed:,} {criterion.counted} would decide"


def in_sentence(title: str) -> str:
    """A title in lower case for the middle of a sentence; acronyms stay as they are."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def fraction(value: float) -> str:
    """A number between 0 and 1 with two decimals: ``.91``."""
    return f"{value:.2f}".removeprefix("0")


def signed(value: float) -> str:
    """A change with its sign and three decimals."""
    return f"{value:+.3f}".replace("-", MINUS)


def sample_note(task: TargetTask) -> str:
    """How many of its rows a target score rests on; empty if it rests on all."""
    return f", {task.n:,} of {task.of:,} rows" if task.n < task.of else ""


def score_with_error(value: float, error: float | None) -> str:
    """A benchmark's score with its standard error, if there is one."""
    return f"{value:.3f}" if error is None else f"{value:.3f} ± {error:.3f}"


def benchmark_change(score: BenchmarkScore) -> str:
    """A benchmark's change with its interval, if there is one."""
    change = score.change
    if change is None:
        return signed(score.after - score.before)
    return f"{signed(change.value)} ({signed(change.low)} … {signed(change.high)})"


def conditions(score: BenchmarkScore) -> str:
    """How a benchmark was run: version, few-shot examples and number of documents."""
    version = f"v{score.version}, " if score.version else ""
    documents = f"{score.n:,} of {score.of:,}" if score.n < score.of else f"{score.n:,}"
    return f"{version}{score.few_shot}-shot, n {documents}"


def document_changes(score: BenchmarkScore) -> str:
    """How many single documents were lost and gained; empty if they are not scored."""
    return "" if score.lost is None else f"{score.lost:,} lost, {score.gained:,} gained"


def unjudged_reason(capability: Capability) -> str:
    """Why a capability has no verdict."""
    return "not judged" if capability.kind == "information" else "no headroom"


def measure_rows(findings: Findings) -> list[MeasureRow]:
    """What was learned, retained and moved, in the order of interest."""
    rows = [*_task_rows(findings.target_task)]
    if (index := findings.retention_index) is not None:
        ends = f"({fraction(index.low)} … {fraction(index.high)})"
        rows.append(MeasureRow("Retention index", f"{fraction(index.value)} {ends}"))
    if (kl := findings.kl_general) is not None:
        rows.append(_rated_row("kl_general", kl, f"{nats_interval(kl)} nats/token"))
    if (opening := findings.kl_opening) is not None and (body := findings.kl_body) is not None:
        rows.append(MeasureRow("KL to base at the opening", f"{nats_interval(opening)} nats"))
        rows.append(MeasureRow("KL to base of the body", f"{nats_interval(body)} nats/token"))
    if (delta := findings.delta_nll) is not None:
        rows.append(_rated_row("delta_nll", delta, f"{nats_interval(delta)} nats/token"))
    if (leak := findings.domain_leak) is not None:
        rows.append(_rated_row("domain_leak", leak, points_interval(leak)))
    if (kl_task := findings.kl_task) is not None:
        rows.append(MeasureRow("KL to base on task text", f"{nats_interval(kl_task)} nats/token"))
    if findings.noise_floor is not None:
        value = f"{nats(findings.noise_floor)} nats/token, base against itself"
        rows.append(MeasureRow("Noise floor of KL", value))
    return rows


def join_words(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _task_rows(task: TargetTask) -> list[MeasureRow]:
    rows = []
    if task.change is not None:
        scores = f"{share(task.before)} → {share(task.after)}"
        value = f"{scores}, {points_interval(task.change)}{sample_note(task)}"
        rows.append(MeasureRow("Target task", value))
    if task.nll_before is not None:
        losses = f"{nats(task.nll_before)} → {nats(task.nll_after)} nats/token"
        rows.append(MeasureRow("Held-out loss", losses))
    return rows


def _rated_row(measure: RatedMeasure, interval: Interval, value: str) -> MeasureRow:
    return MeasureRow(MEASURES[measure], value, rating(measure, interval.value))
