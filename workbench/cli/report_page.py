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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from workbench.evaluation.analysis.findings import (
        BenchmarkScore,
        Capability,
        Findings,
        ItemFinding,
        Verdict,
    )
    from workbench.evaluation.suites.items import Measures

_COLOURS: dict[Verdict, str] = {"PASS": "green", "FAIL": "red", "INCONCLUSIVE": "yellow"}
_RATINGS: dict[formatting.Rating, str] = {"good": "green", "watch": "yellow", "bad": "red"}
_ORDER: tuple[Measures, ...] = ("knowledge", "behaviour", "safety", "information")
_WORST_ITEMS = 6
_ANSWER = 200


def show_report(name: str, findings: Findings) -> None:
    """Print the page on stdout, as wide as the terminal (80 columns in a pipe)."""
    page = [
        _verdict_line(findings.verdict, name, findings.sentence),
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


def show_decision(verdict: Verdict, run: str, sentence: str, rows: Sequence[Capability]) -> None:
    """Print the decision of the gate, and the capabilities it is based on."""
    console = Console(markup=False, highlight=False, emoji=False)
    console.print(_verdict_line(verdict, run, sentence))
    if rows:
        console.print(capability_table(rows))


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


def _verdict_line(verdict: Verdict, name: str, sentence: str) -> Text:
    return Text.assemble(
        (f" {verdict} ", f"bold reverse {_COLOURS[verdict]}"),
        "  ",
        (visible(name), "bold"),
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
