"""The strength of a tuned lane: keys, slider, requests, and the curve of a sweep."""

from __future__ import annotations

import pytest

from tests.chat.scripted_client import FIRST, OPENED, SECOND
from tests.tui.chat_host import (
    SMALL,
    WIDE,
    client_of,
    pane,
    settled,
    status,
    texts,
    title,
    type_and_send,
)
from workbench.core.formatting import percent
from workbench.evaluation.interpolation_curve import StrengthCurve, StrengthPoint
from workbench.tui.widgets.chat.labels import strength_slider
from workbench.tui.widgets.chat.prompt import PromptBox
from workbench.tui.widgets.chat.strength import StrengthCurveView, Trace, sparkline, traces

SWEPT = StrengthCurve(
    base=StrengthPoint(alpha=0, target_score=0.0, kl=0.0, suites={"facts": 0.8, "sums": 0.4}),
    points=(
        StrengthPoint(alpha=0.0, target_score=0.0, kl=0.0, suites={"facts": 0.8, "sums": 0.4}),
        StrengthPoint(alpha=0.5, target_score=0.6, kl=0.1, suites={"facts": 0.8, "sums": 0.4}),
        StrengthPoint(alpha=1.0, target_score=0.9, kl=0.4, suites={"facts": 0.4, "sums": 0.2}),
    ),
)


@pytest.mark.parametrize(
    ("value", "narrow", "slider"),
    [
        (0.0, False, "strength 0.0 ●┄┄┄┄┄┄┄┄┄┼┄┄┄┄┄"),
        (0.6, False, "strength 0.6 ━━━━━━●┄┄┄┼┄┄┄┄┄"),
        (1.0, False, "strength 1.0 ━━━━━━━━━━●┄┄┄┄┄"),
        (1.5, False, "strength 1.5 ━━━━━━━━━━━━━━━●"),
        (0.0, True, "0.0 ●┄┄┄┄┼┄┄"),
        (0.6, True, "0.6 ━━━●┄┼┄┄"),
        (1.0, True, "1.0 ━━━━━●┄┄"),
        (1.5, True, "1.5 ━━━━━━━●"),
    ],
)
def test_the_slider_has_a_knob_and_a_notch_where_the_run_was_trained(value, narrow, slider):
    assert strength_slider(value, adjustable=True, narrow=narrow).plain == slider


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_keys_move_the_slider_while_a_prompt_is_written(host_of, size):
    app = host_of(FIRST)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert title(app, "tuned").endswith("strength 1.0 ━━━━━━━━━━●┄┄┄┄┄")
        await pilot.press(*"so[]", "f6", "f6", "f6", "f7")
        assert title(app, "tuned").endswith("strength 0.8 ━━━━━━━━●┄┼┄┄┄┄┄")
        assert app.chat.query_one(PromptBox).text == "so[]"
        await pilot.press("enter")
        await settled(pilot)
        assert client_of(app).requests[-1].strengths == {"tuned": 0.8}


async def test_the_brackets_move_the_slider_while_an_answer_has_the_focus(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        pane(app, "base").focus()
        await pilot.press("[", "[", "]", "[")
        assert " 0.8 " in title(app, "tuned")


async def test_a_moved_slider_says_how_to_ask_again_and_asking_does(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("f6")
        assert status(app, "tuned") == "answered at 1.0 · ^r asks again"
        assert "tok/s" in status(app, "base")
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert client_of(app).requests[-1].strengths == {"tuned": 0.9}
        assert texts(app)["tuned"] == ["Second tuned."]
        assert "tok/s" in status(app, "tuned")


async def test_moving_the_slider_back_removes_the_remark(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("f6", "f7")
        assert "tok/s" in status(app, "tuned")


async def test_without_a_slider_the_keys_do_nothing(host_of):
    fixed = OPENED.lanes[1].model_copy(update={"scalable": False})
    lanes = (OPENED.lanes[0], fixed)
    app = host_of(FIRST, opening=((OPENED.model_copy(update={"lanes": lanes}),),))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("f6")
        assert "strength" not in title(app, "tuned")
        await type_and_send(pilot, "one")
        assert client_of(app).requests[-1].strengths == {}


def test_a_sweep_has_a_trace_of_the_task_and_one_of_what_was_kept():
    task, kept = traces(SWEPT)
    assert (task.label, task.at(0.5)) == ("task", 0.6)
    assert task.at(0.25) == pytest.approx(0.3)
    assert (kept.label, kept.at(1.0)) == ("kept", 0.5)
    assert kept.at(0.75) == pytest.approx(0.75)
    assert kept.at(1.2) is None


def test_without_probes_the_traces_are_loss_and_divergence():
    base = StrengthPoint(alpha=0, heldout_nll=3.0, kl=0.0)
    points = (
        StrengthPoint(alpha=0.0, heldout_nll=3.0, kl=0.0),
        StrengthPoint(alpha=1.0, heldout_nll=1.0, kl=0.5),
    )
    task, forgetting = traces(StrengthCurve(base=base, points=points))
    assert (task.at(1.0), task.unit) == (2.0, "nats learned")
    assert (forgetting.label, forgetting.at(0.5)) == ("forgetting", 0.25)


def test_a_sparkline_rises_with_its_values_and_marks_the_strength():
    trace = Trace("task", (0.0, 1.0), (0.0, 1.0), percent, "right")
    line = sparkline(trace, 0.5)
    bars = line.plain[12:44]
    assert bars[:22] == "".join(bar * 2 for bar in "▁▂▂▃▃▄▅▅▆▆▇")
    assert bars[22:].strip() == ""
    assert line.plain.endswith("about 50 % right")
    assert sparkline(trace, 1.0).plain.endswith("  100 % right")
    assert sparkline(trace, 1.5).plain.endswith("not measured here")


async def test_the_curve_follows_the_slider_where_the_run_was_swept(host_of):
    app = host_of(FIRST)
    SWEPT.save(app.chat.session.run)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        view = app.chat.query_one(StrengthCurveView)
        assert view.display
        assert view.size.height == 2
        assert "90 % right" in str(view.render())
        await pilot.press("f6", "f6", "f6", "f6", "f6")
        assert "60 % right" in str(view.render())
        assert "100 % of the base" in str(view.render())


async def test_without_a_sweep_there_is_no_curve(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert not app.chat.query_one(StrengthCurveView).display
