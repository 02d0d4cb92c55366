"""The user's own suite is asked in every run that names no suites, and checked before launch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.report.report import read_report
from workbench.evaluation.suites.user_suite import add_probe, own_suite
from workbench.planning.preflight import preflight
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]


@pytest.fixture
def only_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without the shipped suites, which are many questions for a tiny model."""
    monkeypatch.setattr("workbench.evaluation.suites.suites.shipped_suites", tuple)
    add_probe("What is 1?", ["one"], "one")
    own_suite().write_text(own_suite().read_text().replace("new_tokens: 256", "new_tokens: 4"))


@pytest.mark.usefixtures("only_own")
def test_a_probe_that_is_added_between_two_runs_is_asked_in_the_second(trained: Train) -> None:
    asked: list[list[str]] = []
    for question in ("What is 2?", "What is 3?"):
        run, view = trained("evaluation.size=quick", "training.max_steps=1")
        assert view.status.state == "finished", view.status.reason
        report = read_report(run)
        assert [facts.title for facts in report.suites] == ["Your own probes"]
        sides = (report.before, report.after)
        asked += [[item.prompt for item in side.items] for side in sides]
        add_probe(question, ["two"], "two")
    assert asked == [["What is 1?"], ["What is 1?"]] + 2 * [["What is 1?", "What is 2?"]]


def test_a_broken_suite_is_refused_before_launch_unless_others_are_named(
    tiny_model: Path, rows: Path
) -> None:
    add_probe("What is 1?", ["one"], "one")
    own_suite().with_suffix(".jsonl").write_text('{"prompt": "?"}\n')
    values = {"model": {"id": str(tiny_model)}, "data": {"train": str(rows)}}
    with pytest.raises(BadInputError, match=r"mine.jsonl: line 1: .*no right answer"):
        preflight(yaml_io.validate(values))
    preflight(yaml_io.validate(yaml_io.override(values, ["evaluation.suites=[creative]"])))
    preflight(yaml_io.validate(yaml_io.override(values, ["evaluation.size=none"])))
