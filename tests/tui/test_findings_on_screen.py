"""How findings and comparisons are written, without a screen."""

from __future__ import annotations

import re

import pytest

from tests.evaluation.reports import BENCHMARK, Suite, judged_run, make_report
from tests.tui.pictured_runs import hijacked
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.comparison import compare
from workbench.evaluation.analysis.findings import Interval
from workbench.evaluation.analysis.formatting import MINUS
from workbench.evaluation.analysis.published_results import published_table
from workbench.runs.view import Canary
from workbench.tui.finding_styles import interval_bar
from workbench.tui.widgets.compare.differences import differences_table
from workbench.tui.widgets.compare.plane_data import plane_data
from workbench.tui.widgets.run.canaries import canary_lines, word_overlap
from workbench.tui.widgets.run.capabilities import capability_table
from workbench.tui.widgets.run.criteria import criteria_table
from workbench.tui.widgets.run.key_figures import figure_lines

SUITES = (
    Suite("knowledge", kept=40, never=10),
    Suite("following_instructions", kept=5, lost=40, never=5, measures="behaviour"),
    Suite("refuses_harm", kept=20, lost=1, measures="safety"),
    Suite("creative", kept=5, measures="information"),
)
EVIL = "\x1b[2J[bold]x[/bold]"


@pytest.mark.parametrize("width", [75, 136])
def test_every_kind_has_its_heading_and_no_line_is_too_long(width: int) -> None:
    lines = capability_table(analyse(make_report(*SUITES)), width).plain.splitlines()
    heads = [line.split()[0] for line in lines if line[:1].islower()]
    assert heads == ["knowledge", "behaviour", "safety", "information"]
    rows = [line for line in lines if not line.startswith("·")]
    assert max(map(len, rows)) <= width
    lost = next(line for line in rows if line.startswith("Following instru"))
    assert "0.90 0.10" in lost
    assert f"{MINUS}80" in lost
    assert "●" in lost
    assert lost.rstrip().endswith("FAIL")
    assert "shown only" in next(line for line in rows if line.startswith("Creative"))


@pytest.mark.parametrize("width", [75, 136])
def test_standard_benchmarks_come_last_without_a_verdict(width: int) -> None:
    score = BENCHMARK.model_copy(update={"task": "arc_easy\x1b[2J"})
    findings = analyse(make_report(*SUITES)).model_copy(update={"benchmarks": (score,)})
    lines = capability_table(findings, width).plain.splitlines()
    place = lines.index("standard benchmarks  shown only")
    assert lines[place + 1] == "arc_easy␛[2J: acc  v1.0, 0-shot, n 100 of 2,376"
    assert lines[place + 2] == (
        f"  0.500 ± 0.050 → 0.430 ± 0.050  {MINUS}0.070 ({MINUS}0.130 … {MINUS}0.010)  "
        "9 lost, 2 gained"
    )


def test_a_report_without_items_says_so() -> None:
    table = capability_table(analyse(make_report()), 75).plain
    assert table.startswith("No capability was measured in this run.")


def test_figures_name_the_task_and_leave_intervals_to_wide_screens() -> None:
    findings = analyse(make_report(*SUITES))
    narrow, wide = figure_lines(findings, 76).plain, figure_lines(findings, 136).plain
    assert "target task 2 % → 90 %" in narrow
    assert "held-out loss 2.500 → 1.500" in narrow
    assert "(" not in narrow
    assert "KL on the task 0.400 (0.400 … 0.400)" in wide
    for lines, width in ((narrow, 76), (wide, 136)):
        assert max(map(len, lines.splitlines())) <= width


@pytest.mark.parametrize("width", [76, 136])
def test_each_criterion_has_its_value_interval_limit_and_verdict_in_one_row(width: int) -> None:
    lines = criteria_table(analyse(hijacked(make_report(*SUITES))), width).plain.splitlines()
    assert max(map(len, lines)) <= width
    rows = [re.sub(r"[\s…]+", " ", line) for line in lines]
    assert rows == [
        "verdict criterion value 95 % limit",
        "FAIL Domain leak +99 (+89 +100) +15 points",
        "FAIL KL to base at the opening 5.517 (5.418 5.614) 1 nats",
        "PASS KL to base of the body 0.239 (0.231 0.246) 0.3 nats/token",
        "PASS Loss on general text 0.117 (0.114 0.120) 0.2 nats/token",
        f"FAIL All items together {MINUS}40 ({MINUS}50 {MINUS}31) {MINUS}10 points",
    ]


@pytest.mark.parametrize("width", [76, 136])
def test_a_criterion_that_was_not_measured_says_why(width: int) -> None:
    text = criteria_table(analyse(make_report(*SUITES)), width).plain
    words = " ".join(text.split())
    assert "not judged KL to base at the opening not measured: no general answers were" in words
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [76, 136])
def test_an_open_criterion_says_what_would_decide_it(width: int) -> None:
    findings = analyse(make_report(Suite("knowledge", kept=40, lost=4), Suite("more", kept=20)))
    (pooled,) = (each for each in findings.criteria if each.name == "pooled")
    assert pooled.verdict == "INCONCLUSIVE"
    lines = criteria_table(findings, width).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert f"{pooled.needed:,} items would decide" in "\n".join(lines)


def test_an_interval_bar_is_to_scale() -> None:
    interval = Interval(value=-0.5, low=-1.0, high=0.5)
    bar = interval_bar(interval, width=21, span=1.0, margin=0.1, look="bold").plain
    assert bar == "├────●─────────┤     "
    kept = Interval(value=0.5, low=0.4, high=0.6)
    assert interval_bar(kept, width=21, span=1.0, margin=0.2, look="bold").plain == (
        "        ┊ │   ├●┤    "
    )


def test_the_plane_has_the_base_the_runs_and_their_pareto_front() -> None:
    comparison = compare(
        [
            judged_run("good", 0.9, 0.9, 0.1),
            judged_run("bad", 0.8, 0.5, 0.6),
            judged_run("blind", 0.8, None, 0.6),
        ]
    )
    data = plane_data(comparison, "retention_index", None)
    assert [(mark.glyph, mark.label, mark.x, mark.y) for mark in data.marks] == [
        ("○", "base", 1.0, 0.1),
        ("A", "good", 0.9, 0.9),
        ("B", "bad", 0.5, 0.8),
    ]
    assert [mark.label for mark in data.front] == ["good"]
    assert data.better == "up and right"


def test_published_results_are_shown_only_on_the_axes_they_were_measured_on() -> None:
    comparison, prior = compare([judged_run("a", 0.9, 0.9, 0.1)]), published_table()
    assert len(plane_data(comparison, "kl_general", prior).marks) == 2
    data = plane_data(comparison, "delta_nll", prior)
    grey = [mark for mark in data.marks if mark.glyph == "·"]
    assert {(mark.x, mark.y) for mark in grey} == {(r.delta_nll, r.score) for r in prior.rows}
    assert {mark.look for mark in grey} == {"axis"}
    assert data.better == "up and left"
    in_nats = compare([judged_run("a", None, 0.9, 0.1)])
    assert len(plane_data(in_nats, "delta_nll", prior).marks) == 2


def test_differing_fields_have_one_column_per_run() -> None:
    comparison = compare(
        [
            judged_run("a", 0.9, 0.9, 0.1, training={"learning_rate": 5e-4}),
            judged_run("b", 0.9, 0.9, 0.1, retention={"replay": {"share": 0.2}}),
        ]
    )
    lines = differences_table(comparison, 70).plain.splitlines()
    assert lines[0].split() == ["A", "B"]
    assert lines[1].split() == ["training.learning_rate", "5e-4", "2e-4"]
    assert ["retention.replay.share", "-", "0.2"] in [line.split() for line in lines]
    assert max(map(len, lines)) <= 70


@pytest.mark.parametrize(
    ("newest", "step", "mark", "overlap"),
    [
        ("Plants make sugar", 9, "unchanged", 1.0),
        ("Plants log in", 9, "◀ changed", 0.2),
    ],
)
def test_a_canary_shows_its_first_and_newest_answer(
    newest: str, step: int, mark: str, overlap: float
) -> None:
    canary = Canary(f"Why?{EVIL}", "Plants make sugar", 0, newest, step)
    prompt, first, last = canary_lines(canary).plain.splitlines()
    assert prompt == f"canary Why?␛[2J[bold]x[/bold]  {mark}"
    assert first.endswith("Plants make sugar")
    assert last == f"step {step}  {newest}"
    assert word_overlap(canary) == pytest.approx(overlap)


def test_the_answer_of_a_canary_asked_once_is_shown_once() -> None:
    canary = Canary("Why?", "Plants make sugar", 1, "Plants make sugar", 1)
    lines = canary_lines(canary).plain.splitlines()
    assert lines == ["canary Why?  asked once", "step 1  Plants make sugar"]
    assert word_overlap(canary) == 1.0
