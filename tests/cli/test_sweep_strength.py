"""The sweep as a command: the curve is kept, and the chosen strength saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import NotFoundError
from workbench.evaluation.interpolation_curve import StrengthCurve, read_curve

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from workbench.runs.folder import RunFolder, Runs

    Trained = Callable[..., tuple[RunFolder, object]]


@pytest.mark.slow
def test_the_command_keeps_the_curve_and_saves_the_chosen_strength(
    trained: Trained, runs: Runs, ftwb: Callable[..., Ended]
) -> None:
    run, _ = trained("strategy.kind=lora", "evaluation.target_metric=nll")
    with pytest.raises(NotFoundError, match="has no strength curve"):
        read_curve(run)
    words = ("--runs-dir", runs.root, "sweep-strength", run.id, "--to", "1", "--points", "3")
    ended = ftwb(*words, "--choose", "0.5", "--json")
    assert ended.code == 0, ended.err
    shown = json.loads(ended.out)
    assert [point["alpha"] for point in shown["points"]] == [0, 0.5, 1]
    curve = read_curve(run)
    assert StrengthCurve.model_validate({k: shown[k] for k in ("base", "points")}) == curve
    best_point = curve.best()
    assert best_point is not None
    assert shown["best"] == best_point.alpha > 0
    scaled = runs.find(shown["saved"]["id"])
    assert scaled.recipe().description == f"Strength 0.5 of {run.id}."
    ended = ftwb(*words, "--choose", "best")
    assert ended.code == 0, ended.err
    assert "KL to base" in ended.out
    assert len(runs.list()) == 3
    best = runs.find(ended.out.split()[-1])
    assert best.recipe().description == f"Strength {shown['best']:g} of {run.id}."


def test_without_a_gain_there_is_no_best_to_save(
    trained: Trained, runs: Runs, ftwb: Callable[..., Ended]
) -> None:
    run, _ = trained("strategy.kind=lora", "training.learning_rate=1e-9")
    words = ("sweep-strength", run.id, "--from", "0.5", "--to", "1", "--points", "2")
    ended = ftwb("--runs-dir", runs.root, *words, "--choose", "best")
    assert ended.code == 2
    assert "no strength beats the base at the target task" in ended.err
    assert "KL to base" in ended.out
    assert runs.list() == [run]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--choose", "most"), "neither 'best' nor a number from 0 to 2"),
        (("--choose", "2.5"), "neither 'best' nor a number from 0 to 2"),
        (("--from", "1", "--to", "1"), "1 is not above --from 1"),
        (("--points", "1"), "1 is not in the range"),
    ],
)
def test_invalid_options_are_refused(
    ftwb: Callable[..., Ended], words: tuple[str, ...], complaint: str
) -> None:
    ended = ftwb("sweep-strength", "last", *words)
    assert ended.code == 2
    assert complaint in ended.err
