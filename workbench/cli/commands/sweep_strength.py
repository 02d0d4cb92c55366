"""``ftwb sweep-strength``: learning and forgetting between base and tuned model."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal, get_args

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, emit_table, narrate
from workbench.core.errors import BadInputError
from workbench.core.formatting import percent
from workbench.recipe.evaluation import SuiteSize

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.evaluation.interpolation_curve import StrengthCurve, StrengthPoint

_HIGHEST = 2.0


def _parse_strength(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> float | Literal["best"] | None:
    if text is None:
        return None
    if text == "best":
        return "best"
    with suppress(ValueError):
        if 0 <= float(text) <= _HIGHEST:
            return float(text)
    raise click.BadParameter(f"{text!r} is neither 'best' nor a number from 0 to {_HIGHEST:g}")


@click.command(
    "sweep-strength",
    cls=Command,
    group="Evaluation",
    short_help="Measure strengths between base and tuned.",
)
@click.argument("run")
@click.option(
    "--from",
    "low",
    type=click.FloatRange(0, _HIGHEST),
    default=0.0,
    show_default=True,
    help="The lowest strength.",
)
@click.option(
    "--to",
    "high",
    type=click.FloatRange(0, _HIGHEST),
    default=1.2,
    show_default=True,
    help="The highest strength.",
)
@click.option(
    "--points",
    type=click.IntRange(2, 101),
    default=7,
    show_default=True,
    help="Number of strengths, evenly spaced, both ends included.",
)
@click.option(
    "--size",
    type=click.Choice([size for size in get_args(SuiteSize) if size != "auto"]),
    default="none",
    show_default=True,
    help="Also run the probe suites at every strength.",
)
@click.option(
    "--choose",
    metavar="ALPHA|best",
    callback=_parse_strength,
    help="Save the result at this strength, or at the best, as a new run.",
)
@json_option
@click.pass_obj
def command(
    root: Path,
    run: str,
    low: float,
    high: float,
    points: int,
    size: SuiteSize,
    choose: float | Literal["best"] | None,
    as_json: bool,
) -> None:
    """Measure the result of RUN at strengths from the base (0) to the result (1) and beyond.

    Measures the target task, and KL and loss against the base on general text. The curve is saved
    in the run folder as strength.json. The best strength has the lowest KL among those that retain
    95 % of the largest gain at the task.
    """
    from workbench.cli.progress import progress
    from workbench.cli.summary import summary
    from workbench.interpolation.curve import measure_curve
    from workbench.interpolation.strength import save_at_strength
    from workbench.runs.folder import Runs

    if low >= high:
        raise click.BadParameter(f"{high:g} is not above --from {low:g}", param_hint="--to")
    runs = Runs(root)
    folder = runs.find(run)
    with progress() as report:
        curve = measure_curve(folder, _between(low, high, points), report, size)
    curve.save(folder)
    best = curve.best()
    if not as_json:
        _show(curve, best)
    alpha = _chosen(choose, best)
    saved = None
    if alpha is not None:
        saved = save_at_strength(runs, folder, alpha, lambda text, _done, _total: narrate(text))
    if as_json:
        more = {"best": best and best.alpha, "saved": saved and summary(saved)}
        emit_json({"run": folder.id, **curve.model_dump(), **more})
    elif saved:
        click.echo(saved.id)


def _chosen(choose: float | Literal["best"] | None, best: StrengthPoint | None) -> float | None:
    """The strength to save, if any."""
    if choose != "best":
        return choose
    if best is None:
        raise BadInputError("no strength beats the base at the target task, so none was saved")
    return best.alpha


def _between(low: float, high: float, points: int) -> list[float]:
    """Evenly spaced strengths, both ends included, rounded so that 1 is exactly 1."""
    return [round(low + (high - low) * index / (points - 1), 6) for index in range(points)]


def _show(curve: StrengthCurve, best: StrengthPoint | None) -> None:
    suites = list(curve.base.suites)
    emit_table(
        ("strength", "target task", "held-out loss", "KL to base", "general loss", *suites, ""),
        [
            (
                f"{point.alpha:g}",
                None if point.target_score is None else percent(point.target_score),
                _number(point.heldout_nll, ".3f"),
                _number(point.kl, ".4f"),
                _number(point.general_nll, ".3f"),
                *(_number(point.suites.get(name), ".2f") for name in suites),
                "best" if point == best else "",
            )
            for point in curve.points
        ],
    )


def _number(value: float | None, spec: str) -> str | None:
    return None if value is None else format(value, spec)
