"""The table of the demo shows exactly what the reports of its runs say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from workbench.cli import demo
from workbench.cli.root import ftwb
from workbench.evaluation.report import Measurement, Report, TargetItem, TextResult
from workbench.evaluation.suites.items import ItemResult, SuiteFacts
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    import pytest

    from workbench.runs.folder import Runs


def measured(right: int, nll: float, answer: str) -> Measurement:
    items = tuple(
        TargetItem(prompt="?", label="refund", answer="[Refund]" if n < right else "no")
        for n in range(4)
    )
    return Measurement(heldout_nll=nll, target=items, answers=(answer,))


def test_results_put_the_base_beside_every_run(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = [runs.create(yaml_io.load_file(name)) for name in demo.RECIPES]
    for run, right in zip(trained, (3, 2), strict=True):
        before = measured(0, 4.0, "Light becomes sugar.")
        after = measured(right, 2.0, "[refund] No\x1b[31m idea.")
        Report(prompts=("Why?",), before=before, after=after).save(run.report)
    results = demo.collect_results(trained)
    assert results["heldout_rows"] == 4
    scores = {name: model["target_task"] for name, model in results["models"].items()}
    assert scores == {"base": 0.0, "full": 0.75, "lora": 0.5}
    assert results["models"]["full"]["answers"] == {"Why?": "[refund] No\x1b[31m idea."}
    demo.print_results(results)
    table = capsys.readouterr().out
    for words in ("75 %", "50 %", "Light becomes sugar.", "[refund] No"):
        assert words in table
    assert "\x1b[31m" not in table


def test_the_table_of_all_runs_shows_what_each_forgot(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes = demo.recipes(all_runs=True)
    assert [recipe.name for recipe in recipes] == list(demo.ALL_RECIPES)
    assert {recipe.evaluation.size for recipe in recipes} == {"quick"}, "every run is probed"
    trained = [runs.create(recipe) for recipe in recipes]
    facts = SuiteFacts(name="knowledge", title="Knowledge", measures="knowledge")
    for lost, run in enumerate(trained):
        before, after = (
            measured(2, 3.0, "Paris.").model_copy(
                update={
                    "items": probed(30, wrong),
                    "general": (TextResult(tokens=9, nll=2, kl=kl),),
                }
            )
            for wrong, kl in ((0, 0.0), (7 * lost, lost / 10))
        )
        report = Report(
            prompts=("Where?",), before=before, after=after, size="quick", suites=(facts,)
        )
        report.save(run.report)
    results = demo.collect_results(trained)
    assert results["models"]["base"]["findings"] is None
    assert results["models"]["lora-replay"]["findings"].kl_general.value == 0.4
    demo.print_results(results)
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["verdict", "KEPT", "FORGOT", "FORGOT", "FORGOT", "DAMAGED"] in table
    row = next(line for line in table if line[:3] == ["Knowledge,", "30", "items"])
    assert row[3:8] == ["1.00", "1.00", "PASS", "0.77", "FAIL"]


def probed(items: int, wrong: int) -> tuple[ItemResult, ...]:
    return tuple(
        ItemResult(suite="knowledge", id=str(n), score=float(n >= wrong), answer=str(n >= wrong))
        for n in range(items)
    )


def test_all_needs_headless() -> None:
    refused = CliRunner().invoke(ftwb, ["demo", "--all"])
    assert refused.exit_code == 2
    assert "--headless" in refused.output
