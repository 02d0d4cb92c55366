"""The band: the same word, measures and next step on every screen that shows a run."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.chat.scripted_client import ScriptedClient
from tests.evaluation.reports import Suite, base_again, make_report
from tests.tui.conftest import SIZES, until, workbench
from tests.tui.looking import screen_lines, screen_text
from tests.tui.pictured_runs import SUITES, finished_run, hijacked
from tests.tui.scripted import make_run, set_state, write_steps
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.band import BandPart
from workbench.evaluation.analysis.findings import NextStep
from workbench.tui.messages import OpenChat, OpenReport, OpenRun
from workbench.tui.run_bands import RunBand, read_bands
from workbench.tui.screens import chat
from workbench.tui.screens.chat import ChatScreen
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.screens.live import LiveScreen
from workbench.tui.screens.report import ReportScreen
from workbench.tui.widgets.common.band import BandLine, band_lines, proof_lines
from workbench.tui.widgets.compare.comparison_table import ComparisonTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message
    from textual.screen import Screen

    from workbench.evaluation.report import Report
    from workbench.runs.folder import RunFolder, Runs
    from workbench.tui.app import WorkbenchApp

LONG_STEP = NextStep(
    text="train again with 20 % of general text mixed in", arguments=("train", "x")
)
REPORTS = {
    "HIJACKED": lambda: hijacked(make_report(*SUITES)),
    "KEPT": lambda: base_again(Suite("knowledge", kept=100, never=20)),
    "INCONCLUSIVE": lambda: make_report(Suite("knowledge", kept=40, lost=2)),
}
MEASURES = {
    "HIJACKED": ("✓ learned 2 % → 90 %", "✗ leak +99 points", "✗ KL 5.517 opening, 0.239 body"),
    "KEPT": ("! learned 2 % → 2 %", "leak not measured", "✓ KL 0.000"),
    "INCONCLUSIVE": ("✓ learned 2 % → 90 %", "leak not measured", "! KL 0.100"),
}
STEPS = {
    "HIJACKED": "train again with 20 % of general text mixed in",
    "KEPT": "compare the answers yourself",
    "INCONCLUSIVE": "ask more items, those of standard",
}
OPEN: dict[type[Screen[None]], Callable[[RunFolder], Message]] = {
    ReportScreen: OpenReport,
    LiveScreen: OpenRun,
    ChatScreen: OpenChat,
}


def _with_report(runs: Runs, report: Report) -> RunFolder:
    run = finished_run(runs)
    report.save(run.report)
    return run


def _shows(app: WorkbenchApp, screen: type[Screen[None]], word: str) -> bool:
    """Whether this screen shows the whole band of a report."""
    wanted = (f" {word} ", *MEASURES[word], STEPS[word])
    return isinstance(app.screen, screen) and all(part in screen_text(app) for part in wanted)


@pytest.mark.slow
@pytest.mark.parametrize("word", REPORTS)
@pytest.mark.parametrize("size", SIZES)
async def test_word_measures_and_next_step_are_the_same_on_every_screen_of_a_run(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, word: str, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(chat, "EngineClient", lambda _run: ScriptedClient(opening=((),)))
    run = _with_report(runs, REPORTS[word]())
    async with workbench(runs, size) as (app, pilot):
        await until(pilot, lambda: f" {word} " in screen_text(app))
        for screen, message in OPEN.items():
            app.post_message(message(run))
            await until(pilot, partial(_shows, app, screen, word))
            height = app.screen.query_one(BandLine).region.height
            assert height <= (5 if screen is ReportScreen else 2)


@pytest.mark.parametrize("size", SIZES)
async def test_without_a_report_there_is_no_band(runs: Runs, size: tuple[int, int]) -> None:
    run = make_run(runs, "young")
    write_steps(run, 1, 3)
    async with workbench(runs, size, run) as (app, pilot):
        await until(pilot, lambda: app.listed and app.screen.query(BandLine))
        await pilot.pause(0.1)
        assert not app.bands
        assert not app.screen.query_one(BandLine).display
        await pilot.press("escape")
        await until(pilot, lambda: "young" in screen_text(app))


async def test_the_word_changes_with_the_report(runs: Runs) -> None:
    run = _with_report(runs, REPORTS["HIJACKED"]())
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: "HIJACKED" in screen_text(app))
        REPORTS["KEPT"]().save(run.report)
        app.refresh_rows()
        await until(pilot, lambda: "KEPT" in screen_text(app))
        assert "HIJACKED" not in screen_text(app)


async def test_an_open_report_is_read_again_when_it_was_written_anew(runs: Runs) -> None:
    run = _with_report(runs, REPORTS["HIJACKED"]())
    async with workbench(runs) as (app, pilot):
        app.post_message(OpenReport(run))
        await until(pilot, lambda: "+99 (+89" in screen_text(app))
        REPORTS["KEPT"]().save(run.report)
        app.refresh_rows()
        await until(pilot, lambda: "+99 (+89" not in screen_text(app))
        assert " KEPT " in screen_text(app)


async def test_a_report_that_cannot_be_read_hides_neither_its_run_nor_the_others(
    runs: Runs,
) -> None:
    broken = _with_report(runs, REPORTS["KEPT"]())
    broken.report.write_text("{")
    _with_report(runs, REPORTS["KEPT"]())
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: len(app.bands) == 2)
        lines = [line for line in screen_lines(app) if "✓ finished" in line]
        assert sorted("KEPT" in line for line in lines) == [False, True]


@pytest.mark.parametrize("size", SIZES)
async def test_compared_runs_have_the_word_and_the_measures_in_their_rows(
    runs: Runs, size: tuple[int, int]
) -> None:
    for word, report in REPORTS.items():
        report().save(finished_run(runs, word.lower()).report)
    async with workbench(runs, size) as (app, pilot):
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.view.runs)
        table = app.screen.query_one(ComparisonTable)
        await until(pilot, lambda: all(word in screen_text(app) for word in REPORTS))
        rows = [[str(cell) for cell in table.get_row(key)] for key in table.rows]
        for word in REPORTS:
            (row,) = (row for row in rows if row[1] == word.lower())
            labels = ("learned ", "leak ", "KL ")
            values = [
                part.replace(label, "") for part, label in zip(MEASURES[word], labels, strict=True)
            ]
            assert row[2:6] == [word, *values]
            assert row[-1] == STEPS[word]


def _band(word: str, measures: tuple[str, str, str]) -> RunBand:
    labels = ("learned", "leak", "KL")
    parts = (
        BandPart("verdict", word, "bad"),
        *(BandPart(label, value, "bad") for label, value in zip(labels, measures, strict=True)),
        BandPart("next", "ftwb train x"),
    )
    return RunBand(parts, "domain leak +99 points (+89 … +100, limit +15)", (LONG_STEP,))


@pytest.mark.parametrize("width", [76, 100, 136, 200])
def test_two_lines_hold_every_word_and_every_number(width: int) -> None:
    words = ("KEPT", "INCONCLUSIVE", "CHANGED REFUSALS")
    learned = ("not measured", "2 % → 90 %", "loss 12.50 → 11.50")
    kls = ("not measured", "0.100", "10.420 opening, 10.375 body")
    for word, task, kl in itertools.product(words, learned, kls):
        lines = band_lines(_band(word, (task, "+100 points", kl)), width, "n").plain.split("\n")
        assert len(lines) <= 2
        assert max(map(len, lines)) <= width
        assert lines[0].startswith(f" {word} ")
        text = "\n".join(lines)
        assert all(part in text for part in (f"learned {task}", "leak +100 points", f"KL {kl}"))
        assert "→ n train again" in text


@pytest.mark.parametrize("width", [76, 136])
def test_the_proof_follows_the_word_and_no_line_is_too_long(width: int) -> None:
    lines = proof_lines(_band("HIJACKED", ("2 % → 90 %", "+99 points", "5.4")), width).plain
    assert lines.startswith(" HIJACKED  domain leak +99 points (+89 … +100, limit +15)")
    assert max(map(len, lines.split("\n"))) <= width


def test_ratings_are_written_as_signs_too() -> None:
    band = RunBand.of(analyse(hijacked(make_report(*SUITES))))
    assert "✓ learned" in band_lines(band, 136).plain
    assert "✗ leak" in band_lines(band, 136).plain


def test_a_report_is_judged_once_until_it_is_written_again(runs: Runs) -> None:
    run = _with_report(runs, REPORTS["HIJACKED"]())
    young = make_run(runs, "young")
    set_state(young, "running")
    (known,) = read_bands([run, young], {})
    assert list(known) == [run.id]
    assert known[run.id].band is not None
    assert not list(read_bands([run, young], known))
    REPORTS["KEPT"]().save(run.report)
    ((reading,),) = (readings.values() for readings in read_bands([run, young], known))
    assert reading.band is not None
    assert reading.band.verdict == BandPart("verdict", "KEPT", "good")
