"""What a run asks: a fair sample of the held-out rows, and only what fits the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.formatting import measure_rows
from workbench.evaluation.report import read_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]

CONTEXT = 512
"""Of the tiny model, in tokens, which are bytes."""


@pytest.fixture
def heldout(tmp_path: Path) -> Callable[[int], str]:
    """Ten held-out rows, of which the last ones do not fit the model's context."""

    def make(long: int) -> str:
        questions = [f"question {n} " + "more " * (120 if n >= 10 - long else 0) for n in range(10)]
        rows = [
            {
                "messages": [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": "[refund] yes"},
                ],
                "intent": "refund",
            }
            for question in questions
        ]
        path = tmp_path / f"heldout-{long}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        return f"data.heldout={path}"

    return make


@pytest.mark.dtype
@pytest.mark.slow
def test_a_limit_samples_the_same_rows_each_time(trained: Train) -> None:
    few = ("evaluation.target_rows=5", "training.max_steps=1")
    run, _ = trained(*few)
    report = read_report(run)
    task = analyse(report).target_task
    assert (task.n, task.of) == (5, 12)
    assert measure_rows(analyse(report))[0].value.endswith(", 5 of 12 rows")
    asked = [item.prompt for item in report.after.target]
    numbers = [int(prompt.split()[1]) for prompt in asked]
    assert numbers == sorted(numbers)
    assert numbers != list(range(5)), "the first rows of a sorted file are not a fair sample"
    other, _ = trained(*few, "training.seed=7")
    assert [item.prompt for item in read_report(other).after.target] == asked


def test_all_rows_are_answered_below_the_limit(trained: Train) -> None:
    run, _ = trained("training.max_steps=1")
    findings = analyse(read_report(run))
    assert (findings.target_task.n, findings.target_task.of) == (12, 12)
    assert "rows" not in measure_rows(findings)[0].value


def test_rows_that_do_not_fit_are_left_out_with_a_note(
    trained: Train, heldout: Callable[[int], str]
) -> None:
    run, view = trained(heldout(3), "training.max_steps=1", "training.sequence_length=1024")
    assert view.status.state == "finished", view.status.reason
    report = read_report(run)
    assert len(report.after.target) == 7
    notices = [notice.get("text", "") for notice in view.notices]
    for text in (
        f"leave no room for 4 tokens in the model's context of {CONTEXT} are not answered: 3 of 10",
        f"Held-out rows longer than the model's context of {CONTEXT} tokens are truncated: 3",
    ):
        assert any(text in line for line in notices), notices
        assert any(text in note for note in analyse(report).notes)


def test_the_run_fails_before_measuring_if_no_row_fits(
    trained: Train, heldout: Callable[[int], str]
) -> None:
    run, view = trained(heldout(10))
    assert view.status.state == "failed"
    assert "evaluation.target_metric: no held-out row leaves room" in view.status.reason
    assert not run.base.exists()


def test_a_prompt_that_does_not_fit_fails_before_measuring(trained: Train) -> None:
    prompts = json.dumps(["What is a cat?", "Why? " * 120])
    run, view = trained(f"evaluation.prompts={prompts}")
    assert view.status.state == "failed"
    assert view.status.reason.startswith("evaluation.prompts: 'Why? Why?")
    assert f"exceeds the model's context of {CONTEXT}; shorten it" in view.status.reason
    assert not run.base.exists()


def test_general_text_is_truncated_to_the_context(trained: Train, tmp_path: Path) -> None:
    general = tmp_path / "long.jsonl"
    general.write_text(json.dumps({"text": "more " * 200}))
    run, view = trained(
        f"evaluation.general_text={general}",
        "evaluation.text_max_length=900",
        "training.max_steps=1",
    )
    assert view.status.state == "finished", view.status.reason
    (text,) = read_report(run).before.general
    assert text.tokens == CONTEXT - 1
    cut = (
        f"Rows of general text longer than the model's context of {CONTEXT} tokens are truncated: 1"
    )
    assert cut in analyse(read_report(run)).notes
