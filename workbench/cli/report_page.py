"""A run's findings in the terminal: the verdict first, then the evidence for it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.core.sanitize import visible
from workbench.evaluation.analysis import formatting
from workbench.evaluation.analysis.band import band

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from workbench.evaluation.analysis.band import BandPart
    from workbench.evaluation.analysis.findings import (
        BenchmarkScore,
        Capability,
        Criterion,
        Findings,
        ItemFinding,
        NextStep,
        Verdict,
    )
    from workbench.evaluation.analysis.gate import Decision
    from workbench.evaluation.suites.items import Measures

_COLOURS: dict[Verdict, str] = {"PASS": "green", "FAIL": "red", "INCONCLUSIVE": "yellow"}
_RATINGS: dict[formatting.Rating, str] = {"good": "green", "watch": "yellow", "bad": "red"}
_ORDER: tuple[Measures, ...] = ("knowledge", "behaviour", "safety", "information")
_WORST_ITEMS = 6
_ANSWER = 200


def show_report(name: str, recipe: str, findings: Findings) -> None:
    """Print the page on stdout, as wide as the terminal (80 columns in a pipe)."""
    page = [
        _head(band(findings), findings.verdict, f"{name} ({recipe})", findings.sentence),
        *_next_steps(findings.next_steps),
        *_capabilities(findings),
        _measures(findings),
        *([_benchmarks(findings.benchmarks)] if findings.benchmarks else []),
        *_worst(findings.items),
        *_notes(findings.notes),
    ]
    console = Console(markup=False, highlight=False, emoji=False)
    for part in page:
        console.print(Padding(part, (0, 0, 1, 0)))


def show_benchmarks(scores: Sequence[BenchmarkScore]) -> None:
    """Print the scores of standard benchmarks, before and after."""
    Console(markup=False, highlight=False, emoji=False).print(_benchmarks(scores))


def show_decision(decision: Decision) -> None:
    """Print the decision of the gate, and every criterion it is based on."""
    if decision.verdict == "ERROR":
        raise ValueError("an error is not a decision on a run")
    console = Console(markup=False, highlight=False, emoji=False)
    console.print(_head(decision.band, decision.verdict, decision.run, decision.sentence))
    console.print(_criteria_table(decision.criteria))
    for part in _next_steps(decision.next_steps):
        console.print(part)


def band_line(parts: Sequence[BandPart]) -> Text:
    """What was learned, leak and KL, side by side."""
    shown = [part for part in parts if part.label not in ("verdict", "next")]
    return Text("  ·  ", style="dim").join(
        Text.assemble(
            (f"{part.label} ", "dim"),
            (visible(part.value), _RATINGS[part.rating] if part.rating else "dim"),
        )
        for part in shown
    )


def _criteria_table(criteria: Sequence[Criterion]) -> Table:
    """One row per criterion: what was measured, its limit, its verdict and what would decide."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for header in ("criterion", "measured, with interval and limit", "verdict"):
        table.add_column(header)
    for each in criteria:
        verdict = Text("not judged", style="dim")
        if each.verdict:
            verdict = Text(each.verdict, style=f"bold {_COLOURS[each.verdict]}")
        value = formatting.criterion_value(each)
        if each.verdict == "INCONCLUSIVE" and each.interval:
            value = f"{value}; {formatting.what_decides(each)}"
        table.add_row(Text(visible(each.title)), Text(value), verdict)
    return table


def _next_steps(steps: Sequence[NextStep]) -> list[RenderableType]:
    if not steps:
        return []
    lines = [Text("what to do next", style="bold")]
    for step in steps:
        lines += [Text(f"  {step.text}:"), Text(f"    {visible(step.command)}", style="cyan")]
    return [Group(*lines)]


def _capabilities(findings: Findings) -> list[RenderableType]:
    if not findings.capabilities:
        return []
    legend = (
        "sees: the smallest change, in points, that this many items can detect; "
        f"margin {formatting.size_in_points(findings.margin)}"
    )
    lines = [Text(legend, style="dim")]
    if undecided := [row for row in findings.capabilities if row.needed]:
        needed = ", ".join(f"{visible(row.title)} {row.needed:,}" for row in undecided)
        lines.append(Text(f"items needed to decide: {needed}", style="dim"))
    return [Group(capability_table(findings.capabilities), *lines)]


def capability_table(capabilities: Sequence[Capability]) -> Table:
    """One row per suite in at most 80 columns, grouped by what the suites measure."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("capability", max_width=22)
    for header in ("n", "before", "after", "change, 95 %", "lost", "gain", "sees"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    rows = sorted(capabilities, key=lambda row: _ORDER.index(row.kind))
    for kind, group in groupby(rows, key=lambda row: row.kind):
        table.add_row(Text(kind, style="bold"))
        for row in group:
            table.add_row(*_cells(row))
    return table


def _cells(row: Capability) -> list[Text]:
    return [
        Text(" " + visible(row.title)),
        Text(str(row.n)),
        Text(f"{row.before:.2f}"),
        Text(f"{row.after:.2f}"),
        Text(f"{formatting.points(row.change)} {formatting.span(row.low, row.high)}"),
        Text(str(row.lost)),
        Text(str(row.gained)),
        Text(f"{100 * row.smallest_detectable:.0f}"),
        _verdict(row),
    ]


def _verdict(row: Capability) -> Text:
    if row.verdict is None:
        return Text(formatting.unjudged_reason(row), style="dim")
    return Text(row.verdict, style=f"bold {_COLOURS[row.verdict]}")


def _head(parts: Sequence[BandPart], verdict: Verdict, name: str, sentence: str) -> Text:
    """The verdict in a word, the run, the rest of the band, and the proof."""
    word = parts[0].value
    state = "" if word == verdict else f"{verdict}  "
    return Text.assemble(
        (f" {word} ", f"bold reverse {_COLOURS[verdict]}"),
        (f"  {state}", f"bold {_COLOURS[verdict]}"),
        (visible(name), "bold"),
        "\n",
        band_line(parts),
        "\n",
        visible(sentence),
    )


def _measures(findings: Findings) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value, rating in formatting.measure_rows(findings):
        rated = Text(rating, style=_RATINGS[rating]) if rating else Text()
        table.add_row(Text(name), Text(value), rated)
    return table


def _benchmarks(scores: Sequence[BenchmarkScore]) -> RenderableType:
    """Two lines per metric, so that long task names leave room for the scores."""
    lines = [Text("standard benchmarks", style="bold"), *map(_benchmark, scores)]
    return Text("\n").join([*lines, Text(formatting.BENCHMARKS_NOTE, style="dim")])


def _benchmark(score: BenchmarkScore) -> Text:
    before = formatting.score_with_error(score.before, score.before_error)
    after = formatting.score_with_error(score.after, score.after_error)
    return Text.assemble(
        (visible(f"{score.task}: {score.metric}"), "cyan"),
        (visible(f"  {formatting.conditions(score)}\n"), "dim"),
        f"  {before} → {after}  ",
        (formatting.benchmark_change(score), "bold"),
        (f"  {formatting.document_changes(score)}", "dim"),
    )


def _worst(items: Sequence[ItemFinding]) -> list[RenderableType]:
    if not items:
        return []
    lost = sum(item.after < item.before for item in items)
    head = f"items that changed: {lost} lost, {len(items) - lost} gained"
    shown = items[:_WORST_ITEMS]
    more = f"; the {len(shown)} worst" if len(items) > len(shown) else ""
    lines = [Text(f"{head}{more}", style="bold"), *(_item(item) for item in shown)]
    return [Text("\n").join(lines)]


def _item(item: ItemFinding) -> Text:
    return Text.assemble(
        (f"{_line(item.suite)}/{_line(item.id)}", "cyan"),
        f"  {_line(item.prompt)}\n",
        ("  before ", "dim"),
        f"{_line(item.answer_before)}\n",
        ("  after  ", "dim"),
        _line(item.answer_after),
    )


def _line(text: str) -> str:
    """Untrusted text on one line, truncated."""
    line = " ".join(visible(text).split())
    return f"{line[:_ANSWER]} …" if len(line) > _ANSWER else line


def _notes(notes: Sequence[str]) -> list[RenderableType]:
    if not notes:
        return []
    table = Table.grid(padding=(0, 1, 0, 0))
    for note in notes:
        table.add_row(Text("·", style="dim"), Text(visible(note), style="dim"))
    return [table]
