"""The demo's table is what the reports say, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.cli import story
from workbench.probes.report import Measurement, Report, TargetItem
from workbench.recipe import storage

if TYPE_CHECKING:
    import pytest

    from workbench.runs.folder import Runs


def measured(right: int, nll: float, answer: str) -> Measurement:
    items = tuple(
        TargetItem(prompt="?", label="refund", answer="[Refund]" if n < right else "no")
        for n in range(4)
    )
    return Measurement(heldout_nll=nll, target=items, answers=(answer,))


def test_findings_put_the_base_beside_every_chapter(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [runs.create(storage.load_file(name)) for name in story.CHAPTERS]
    for run, right in zip(told, (3, 2), strict=True):
        before = measured(0, 4.0, "Light becomes sugar.")
        after = measured(right, 2.0, "[refund] No\x1b[31m idea.")
        Report(prompts=("Why?",), before=before, after=after).save(run.report)
    found = story.findings(told)
    assert found["heldout_rows"] == 4
    scores = {name: model["target_task"] for name, model in found["models"].items()}
    assert scores == {"base": 0.0, "full": 0.75, "lora": 0.5}
    assert found["models"]["full"]["answers"] == {"Why?": "[refund] No\x1b[31m idea."}
    story.show(found)
    table = capsys.readouterr().out
    for words in ("75%", "50%", "Light becomes sugar.", "[refund] No"):
        assert words in table
    assert "\x1b[31m" not in table
