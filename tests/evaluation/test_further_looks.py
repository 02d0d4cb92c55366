"""Asking on until all is decided: ``evaluation.size: auto``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from workbench.evaluation.report import read_report
from workbench.evaluation.run import further_looks
from workbench.evaluation.run.reevaluate import reevaluate
from workbench.runs.control import send_request
from workbench.runs.events import EventReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.evaluation.analysis.findings import Findings
    from workbench.evaluation.report import Report
    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]

AUTO = "evaluation.size=auto"


@pytest.fixture
def asks_colours(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One suite stays undecided to the end, the other is decided; collects what was judged."""
    judged: list[str] = []

    def undecided(findings: Findings) -> frozenset[str]:
        judged.append(findings.verdict)
        return frozenset({"colours"})

    monkeypatch.setattr(further_looks, "undecided", undecided)
    return judged


def _asked(report: Report) -> dict[str, list[str]]:
    asked: dict[str, list[str]] = {}
    for item in report.after.items:
        asked.setdefault(item.suite, []).append(item.id)
    return asked


@pytest.mark.dtype
@pytest.mark.slow
def test_undecided_suites_are_asked_to_the_end(
    trained: Train, probed: tuple[str, ...], asks_colours: list[str]
) -> None:
    run, view = trained("strategy.kind=full", *probed, AUTO)
    assert view.status.state == "finished", view.status.reason
    report = read_report(run)
    assert (report.size, report.look, report.looks) == ("auto", 4, 4)
    assert len(asks_colours) == 3
    asked = _asked(report)
    assert sorted(asked["colours"]) == [f"c{number}" for number in range(8)]
    assert len(asked["words"]) == 1
    keys = [(item.suite, item.id) for item in report.before.items]
    assert keys == [(item.suite, item.id) for item in report.after.items]
    assert report.suites[0].chance == pytest.approx(1 / 3)
    details = [
        str(event.get("detail"))
        for event in EventReader(run.events).read()
        if event["kind"] == "phase"
    ]
    assert any(text.startswith("look 4 of 4: colours, result") for text in details)
    # the same answers as when all are asked at once
    whole, _ = trained("strategy.kind=full", *probed, "evaluation.size=full")
    for ours, all_at_once in (
        (report.before, read_report(whole).before),
        (report.after, read_report(whole).after),
    ):
        scores = {(item.suite, item.id): item for item in all_at_once.items}
        for item in ours.items:
            same = scores[item.suite, item.id]
            assert (item.score, item.answer) == (same.score, same.answer)
            if item.log_score is not None:
                assert item.log_score == pytest.approx(same.log_score, abs=1e-5)


@pytest.mark.dtype
@pytest.mark.slow
def test_the_next_run_on_the_base_asks_it_nothing_again(
    trained: Train,
    probed: tuple[str, ...],
    asks_colours: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    suite_results = further_looks.suite_results

    def counting(loaded: Any, model: Any, *args: Any) -> Any:
        asked.append(id(model) == id(loaded.base))
        return suite_results(loaded, model, *args)

    monkeypatch.setattr(further_looks, "suite_results", counting)
    first, _ = trained("strategy.kind=lora", *probed, AUTO)
    assert sum(asked) == 3
    asked.clear()
    second, _ = trained("strategy.kind=lora", "training.learning_rate=1e-2", *probed, AUTO)
    assert (len(asked), sum(asked)) == (3, 0)
    assert read_report(first).before.items == read_report(second).before.items
    assert len(asks_colours) == 6


def test_nothing_more_is_asked_where_all_is_decided(
    trained: Train, probed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(further_looks, "undecided", lambda _findings: frozenset())
    run, _ = trained("strategy.kind=lora", *probed, AUTO)
    report = read_report(run)
    assert (report.look, report.looks) == (1, 4)
    assert [len(ids) for ids in _asked(report).values()] == [1, 1]


@pytest.mark.dtype
@pytest.mark.slow
def test_what_was_found_stays_where_a_further_look_fails_and_can_be_continued(
    trained: Train,
    probed: tuple[str, ...],
    asks_colours: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asker = further_looks.suite_results
    asks = 0

    def fails_in_the_third_look(*args: Any) -> Any:
        nonlocal asks
        asks += 1
        if asks > 3:
            raise RuntimeError("the machine is on fire")
        return asker(*args)

    monkeypatch.setattr(further_looks, "suite_results", fails_in_the_third_look)
    run, view = trained("strategy.kind=lora", *probed, AUTO)
    assert view.status.state == "finished"
    assert any("could not be measured" in notice.get("text", "") for notice in view.notices)
    assert read_report(run).look == 2
    assert len(_asked(read_report(run))["colours"]) == 2
    monkeypatch.setattr(further_looks, "suite_results", asker)
    reevaluate(run, lambda *_: None)
    assert read_report(run).look == 4
    assert len(asks_colours) == 5


def test_a_stop_between_looks_keeps_what_was_found(
    trained: Train, probed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, runs: Any
) -> None:
    def stop_now(_findings: Findings) -> frozenset[str]:
        (run,) = runs.list()
        send_request(run, "stop")
        return frozenset({"colours"})

    monkeypatch.setattr(further_looks, "undecided", stop_now)
    run, view = trained("strategy.kind=lora", *probed, AUTO)
    assert view.status.state == "stopped"
    assert run.has_result()
    assert read_report(run).look == 1
