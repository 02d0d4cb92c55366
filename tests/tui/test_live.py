"""The live screen shows what the run folder says, and nothing else."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.tui.conftest import SIZES, until, workbench
from tests.tui.looking import drawn, footer_labels, legend_of, live_view, screen_text, text_of
from tests.tui.scripted import GIB, make_run, set_state, write_steps
from workbench.evaluation.report import Measurement, Report
from workbench.planning import resume_launch
from workbench.runs import view as views
from workbench.runs.checkpoints import choose, draft
from workbench.runs.control import AWAITING_ANSWER, take_requests
from workbench.runs.events import EventLog
from workbench.runs.view import RunFollower
from workbench.tui.screens import live
from workbench.tui.screens.confirm import ConfirmScreen
from workbench.tui.screens.live import LiveScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.screens.text import TextScreen
from workbench.tui.widgets.common.chart import Chart
from workbench.tui.widgets.run.event_log import EventLogPane
from workbench.tui.widgets.run.figures import Figures
from workbench.tui.widgets.run.run_title import RunTitle, progress_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder, Runs
    from workbench.runs.view import RunView
    from workbench.tui.widgets.run.live_view import LiveView

pytestmark = pytest.mark.slow


def _events(screen: LiveScreen) -> str:
    return text_of(screen, EventLogPane)


async def test_before_the_first_step_the_phase_is_shown(runs: Runs) -> None:
    run = make_run(runs)
    set_state(run, "starting")
    EventLog(run.events).append("phase", 0, name="loading the base model", done=132, total=272)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: "loading the base model" in text_of(screen, RunTitle))
        assert "132 / 272" in text_of(screen, RunTitle)
        assert f"starting (detached, pid {os.getpid()})" in text_of(screen, RunTitle)
        assert "waiting for the first step" in drawn(screen.query_one("#loss", Chart))


@pytest.mark.parametrize("size", SIZES)
async def test_it_follows_the_run(runs: Runs, size: tuple[int, int]) -> None:
    run = make_run(runs)
    write_steps(run, 1, 10)
    async with workbench(runs, size, run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: "step 10 / 100" in text_of(screen, RunTitle))
        write_steps(run, 11, 50)
        screen.poll()
        await until(pilot, lambda: "step 50 / 100" in text_of(screen, RunTitle))
        assert "50 %" in text_of(screen, RunTitle)
        assert "0:50 left" in text_of(screen, RunTitle)
        assert "1.23 k tokens/s" in text_of(screen, RunTitle)
        assert "loss 2.000" in text_of(screen, Figures)
        assert "learning rate 1e-4" in text_of(screen, Figures)
        chart = drawn(screen.query_one("#loss", Chart))
        assert "step 50" in chart
        assert any("⠁" <= character <= "⣿" for character in chart)
        for widget in screen.query("*"):
            assert widget.region.right <= size[0], widget


async def test_without_a_gpu_memory_is_called_process_and_host(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 5)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: len(screen.query(Chart)) == 3)
        chart = screen.query(Chart).last()
        await until(pilot, lambda: "process 1.00" in legend_of(chart))
        assert str(chart.border_title) == "process and host memory, GiB"
        assert "host 3.00" in legend_of(chart)
        assert "GPU" not in f"{chart.border_title}{legend_of(chart)}"


async def test_each_gpu_has_its_own_chart(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 2)
    readings = {
        f"cuda{device}_{name}": (device + 1) * GIB
        for device in (0, 1)
        for name in ("allocated", "reserved", "used")
    }
    totals = {"cuda0_total": 80 * GIB, "cuda1_total": 80 * GIB}
    EventLog(run.events).append("memory", 2, process=GIB, **readings, **totals)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        wanted = ["GPU 0 memory, 1.00 of 80.0 GiB in use", "GPU 1 memory, 2.00 of 80.0 GiB in use"]
        await until(pilot, lambda: [str(c.border_title) for c in screen.query(Chart)][2:] == wanted)


@pytest.mark.parametrize("state", ["failed", "stopped", "finished", "queued"])
async def test_a_state_is_shown_with_its_reason(runs: Runs, state: str) -> None:
    run = make_run(runs)
    set_state(run, state, reason="because of the moon")
    run.log.write_text("first\n[red]the end[/red]\n")
    async with workbench(runs, (80, 24), run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: state in text_of(screen, RunTitle))
        if state != "queued":
            assert "because of the moon" in text_of(screen, RunTitle)
        assert ("[red]the end[/red]" in _events(screen)) == (state == "failed")


async def test_a_run_whose_worker_died_is_lost(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    run.status().model_copy(update={"process": "someone else"}).save(run.status_file)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: "? lost" in text_of(screen, RunTitle))
        assert "ended without giving a reason" in _events(screen)


async def test_notices_are_never_markup(runs: Runs) -> None:
    run = make_run(runs)
    set_state(run, "running", step=1, total=2)
    EventLog(run.events).append("notice", 1, level="warning", text="[bold]loud[/] [@click=x]")
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: "[bold]loud[/] [@click=x]" in _events(screen))


async def test_nothing_written_by_others_steers_the_terminal(runs: Runs) -> None:
    run = make_run(runs)
    set_state(run, "failed", reason="\x1b[2Jgone")
    run.log.write_text("\x1b]0;title\x07\n")
    EventLog(run.events).append("notice", 1, level="info", text="\x1b[31mred")
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: "␛[31mred" in _events(screen))
        assert "␛]0;title␇" in _events(screen)
        assert "\x1b" not in _events(screen) + text_of(screen, RunTitle)


async def test_answers_are_shown_when_there_is_a_report(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    report = Report(
        prompts=("What is photosynthesis?",),
        before=Measurement(answers=("Plants turn\nlight into sugar.",)),
        after=Measurement(answers=("Please log in to your account.",)),
    )
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        assert "photosynthesis" not in _events(screen)
        report.save(run.report)
        screen.poll()
        await until(pilot, lambda: "photosynthesis" in _events(screen))
        assert "before  Plants turn light into sugar." in _events(screen)
        assert "after   Please log in to your account." in _events(screen)


async def test_stopping_asks_first_and_then_asks_the_worker(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs, run=run) as (app, pilot):
        await live_view(app, pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert take_requests(run) == []
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert take_requests(run) == ["stop"]


@pytest.mark.parametrize(("key", "text"), [("y", "name: scripted"), ("l", "the worker speaks")])
async def test_recipe_and_log_are_a_key_away(runs: Runs, key: str, text: str) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    run.log.write_text("the worker speaks\n")
    async with workbench(runs, (80, 24), run) as (app, pilot):
        await live_view(app, pilot)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        assert text in screen_text(app)


async def test_a_pane_is_maximised_and_restored(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs, (80, 24), run) as (app, pilot):
        screen = await live_view(app, pilot)
        chart = screen.query_one("#loss", Chart)
        small = chart.size
        await pilot.press("m")
        await until(pilot, lambda: chart.size.width > small.width)
        assert chart.size.height > small.height
        await pilot.press("m")
        await until(pilot, lambda: chart.size == small)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


def _spike(run: RunFolder) -> None:
    log = EventLog(run.events)
    for step in range(1, 2001):
        log.append("train", step, loss=50.0 if step == 1234 else 1.0)
    log.close()
    set_state(run, "running", step=2000, total=2000)


async def test_a_spike_of_one_step_is_never_hidden(runs: Runs) -> None:
    run = make_run(runs)
    _spike(run)
    async with workbench(runs, (80, 24), run) as (app, pilot):
        screen = await live_view(app, pilot)
        chart = screen.query_one("#loss", Chart)
        await until(pilot, lambda: "step 2000" in drawn(chart))
        top = chart.render_line(0).text + chart.render_line(1).text
        assert any("⠁" <= character <= "⣿" for character in top)


def _recorder(views: list[LiveView]) -> Callable[[LiveView], None]:
    def record(view: LiveView) -> None:  # Textual cannot call a bound built-in such as append
        views.append(view)

    return record


async def test_a_quiet_run_is_read_and_not_drawn_again(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    polls = []
    poll = RunFollower.poll

    def count_polls(self: RunFollower, most: int = 0) -> RunView:
        polls.append(most)
        return poll(self, most)

    monkeypatch.setattr(RunFollower, "poll", count_polls)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        drawn_views: list[LiveView] = []
        screen.watch(screen.query_one(RunTitle), "view", _recorder(drawn_views))
        await until(pilot, lambda: drawn_views and drawn_views[-1].recipe)
        drawings, seen = len(drawn_views), len(polls)
        await until(pilot, lambda: len(polls) > seen + 3)
        assert len(drawn_views) == drawings
        write_steps(run, 4, 4)
        await until(pilot, lambda: len(drawn_views) > drawings)
        assert "step 4 / 100" in text_of(screen, RunTitle)


async def test_reading_a_long_log_is_shown_until_it_is_read(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(runs)
    _spike(run)
    monkeypatch.setattr(live, "CHUNK", 4000)
    monkeypatch.setattr(views, "_PREVIEW_BYTES", 2000)
    monkeypatch.setattr(live, "_CATCH_UP", 0.0)
    titles: list[tuple[float, str]] = []
    watch = LiveScreen.watch_view

    def record(self: LiveScreen, view: LiveView) -> None:
        watch(self, view)
        if view.run:
            titles.append((view.run.unread, progress_line(view.run, 140).plain))

    monkeypatch.setattr(LiveScreen, "watch_view", record)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: titles and not titles[-1][0])
        assert titles[0][0] == 1
        assert "step 2,000 / 2,000" in titles[0][1]
        assert all(("reading the log" in title) == bool(unread) for unread, title in titles)
        assert screen.view.run
        assert max(p.high for p in screen.view.run.series["train.loss"].points(9)) == 50.0


def _enabled(screen: LiveScreen) -> set[str]:
    ids = {"stop", "checkpoint", "evaluate", "resume", "continue"}
    enabled = (active for active in screen.active_bindings.values() if active.enabled)
    return ids & {active.binding.id for active in enabled}


async def test_only_applicable_keys_are_enabled(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        cases: tuple[tuple[dict[str, Any], set[str]], ...] = (
            ({"state": "running", "step": 3, "total": 9}, {"stop", "checkpoint", "evaluate"}),
            ({"state": "running", "step": 9, "total": 9}, {"stop"}),
            (
                {"state": "running", "step": 3, "total": 9, "phase": AWAITING_ANSWER},
                {"stop", "continue"},
            ),
            ({"state": "finished", "step": 9, "total": 9}, set()),
        )
        for state, applies in cases:
            set_state(run, **state)
            screen.poll()
            await until(pilot, partial(lambda wanted: _enabled(screen) == wanted, applies))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["stopped", "failed", "lost"])
async def test_a_run_that_ended_early_says_which_step_it_resumes_from(
    runs: Runs,
    toasts: list[str],
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    size: tuple[int, int],
) -> None:
    run = make_run(runs)
    write_steps(run, 1, 7)
    set_state(run, state, step=7, total=9)
    for step in (3, 5):
        with draft(run, step) as folder:
            (folder / "weights").touch()
    monkeypatch.setattr(resume_launch, "resume", choose)
    async with workbench(runs, size, run) as (app, pilot):
        screen = await live_view(app, pilot)
        pane = screen.query_one(EventLogPane)
        await until(pilot, lambda: pane.border_subtitle == "u resumes from step 5")
        assert _enabled(screen) == {"resume"}
        await pilot.press("u")
        await until(pilot, lambda: f"{run.id} resumes from step 5." in toasts)


@pytest.mark.parametrize("size", SIZES)
async def test_the_footer_has_room_for_what_applies(runs: Runs, size: tuple[int, int]) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs, size, run) as (app, pilot):
        screen = await live_view(app, pilot)

        def shown() -> list[str]:
            return [label for label, right in footer_labels(screen) if right <= size[0]]

        await until(pilot, lambda: {"Stop", "Checkpoint", "Evaluate", "Help"} <= set(shown()))
        assert ("Resume" in shown()) == (size[0] > 100)
