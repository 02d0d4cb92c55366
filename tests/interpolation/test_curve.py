"""The strength curve: the base at 0, the result at 1, and points between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.report import read_report, token_mean
from workbench.interpolation.curve import measure_curve

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.evaluation.report import Report
    from workbench.runs.folder import RunFolder

    Trained = Callable[..., tuple[RunFolder, object]]

KINDS = {"full": (), "lora": (), "freeze": ("strategy.layers=1",)}


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def _mean(report: Report, name: str) -> float | None:
    texts = report.after.general
    return token_mean(texts, [getattr(text, name) for text in texts])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_both_ends_are_the_base_and_the_result(
    trained: Trained, probed: tuple[str, ...], kind: str
) -> None:
    same_rows = "evaluation.retention_rows=15"  # of 20: too few are left for the report alone
    run, _ = trained(f"strategy.kind={kind}", *KINDS[kind], *probed, same_rows)
    report = read_report(run)
    curve = measure_curve(run, [0, 0.5, 1], silent, "quick")
    start, middle, end = curve.points
    assert start.kl == pytest.approx(0, abs=1e-6)
    assert start.heldout_nll == pytest.approx(report.before.heldout_nll, abs=1e-5)
    assert start.target_score == report.before.target_score == curve.base.target_score
    assert end.kl == pytest.approx(_mean(report, "kl"), rel=1e-3)
    assert end.heldout_nll == pytest.approx(report.after.heldout_nll, abs=1e-5)
    assert end.general_nll == pytest.approx(_mean(report, "nll"), abs=1e-5)
    assert start.kl + 1e-6 < middle.kl < end.kl
    assert set(end.suites) == {"colours", "words"}
    assert end.suites["colours"] == pytest.approx(
        sum(item.score for item in report.after.items if item.suite == "colours") / 6
    )
    assert end.heldout_nll < middle.heldout_nll < start.heldout_nll


def test_the_files_of_the_run_are_left_unchanged(trained: Trained, probed: tuple[str, ...]) -> None:
    run, _ = trained("strategy.kind=lora", *probed)
    before = {path.name: path.read_bytes() for path in run.base.iterdir()}
    result = {path.name: path.read_bytes() for path in run.model.iterdir()}
    measure_curve(run, [0.5], silent)
    assert {path.name: path.read_bytes() for path in run.base.iterdir()} == before
    assert {path.name: path.read_bytes() for path in run.model.iterdir()} == result


def test_results_that_cannot_be_scaled_are_refused(new_run: Callable[..., RunFolder]) -> None:
    with pytest.raises(BadInputError, match="ia3 results cannot be scaled"):
        measure_curve(new_run("strategy.kind=ia3"), [0.5], silent)
    with pytest.raises(BadInputError, match="has no result to scale"):
        measure_curve(new_run("strategy.kind=full"), [0.5], silent)
