"""A run's findings on the terminal: the verdict first, then what it rests on."""

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
    """Print the page on stdout, at the width of the terminal or 80 columns."""
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
    """Print scores of standard benchmarks, before and after."""
    Console(markup=False, highlight=False, emoji=False).print(_benchmarks(scores))


def show_decision(verdict: Verdict, run: str, sentence: str, rows: Sequence[Capability]) -> None:
    """Print what the gate decided, and the capabilities it rests on."""
    console = Console(markup=False, highlight=False, emoji=False)
    console.print(_verdict_line(verdict, run, sentence))
    if rows:
        console.print(capability_table(rows))


def _capabilities(findings: Findings) -> list[RenderableType]:
    if not findings.capabilities:
        return []
    legend = (
        "sees: the smallest change, in points, that so many items would show; "
        f"margin {formatting.size_in_points(findings.margin)}"
    )
    lines = [Text(legend, style="dim")]
    if unsure := [each for each in findings.capabilities if each.needed]:
        needed = ", ".join(f"{visible(each.title)} {each.needed:,}" for each in unsure)
        lines.append(Text(f"items that would tell: {needed}", style="dim"))
    return [Group(capability_table(findings.capabilities), *lines)]


def capability_table(capabilities: Sequence[Capability]) -> Table:
    """One row for each suite, under a heading that says what its fall would mean; 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("capability", max_width=22)
    for header in ("n", "before", "after", "change, 95 %", "lost", "gain", "sees"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    rows = sorted(capabilities, key=lambda each: _ORDER.index(each.kind))
    for kind, group in groupby(rows, key=lambda each: each.kind):
        table.add_row(Text(kind, style="bold"))
        for each in group:
            table.add_row(*_cells(each))
    return table


def _cells(each: Capability) -> list[Text]:
    return [
        Text(" " + visible(each.title)),
        Text(str(each.n)),
        Text(f"{each.before:.2f}"),
        Text(f"{each.after:.2f}"),
        Text(f"{formatting.points(each.change)} {formatting.span(each.low, each.high)}"),
        Text(str(each.lost)),
        Text(str(each.gained)),
        Text(f"{100 * each.smallest_detectable:.0f}"),
        _verdict(each),
    ]


def _verdict(each: Capability) -> Text:
    if each.verdict is None:
        return Text(formatting.unjudged_reason(each), style="dim")
    return Text(each.verdict, style=f"bold {_COLOURS[each.verdict]}")


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
    """Two lines for each metric, so that long names of tasks leave room for the figures."""
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
    """Untrusted text on one line, cut where it is long."""
    line = " ".join(visible(text).split())
    return f"{line[:_ANSWER]} …" if len(line) > _ANSWER else line


def _notes(notes: Sequence[str]) -> list[RenderableType]:
    if not notes:
        return []
    table = Table.grid(padding=(0, 1, 0, 0))
    for note in notes:
        table.add_row(Text("·", style="dim"), Text(visible(note), style="dim"))
    return [table]
