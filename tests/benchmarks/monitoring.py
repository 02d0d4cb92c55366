"""What watching a run costs: its share of the step time at the default intervals.

    python tests/benchmarks/monitoring.py --steps 12 [--set training.micro_batch_size=16 …]

One short run of the demo's full fine-tuning is watched more often than by default; the mean time of
a look at the KL and of a round of canaries is then set against the mean time of a step.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.recipe import yaml_io
from workbench.recipe.evaluation import EvaluationSection
from workbench.runs.events import EventReader
from workbench.runs.folder import Runs
from workbench.training.callbacks.metrics import TrainingMetrics
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder


def timed(method: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """``method``, noting how long each call takes."""

    @wraps(method)
    def call(*arguments: Any) -> Any:
        start = time.perf_counter()
        result = method(*arguments)
        seconds.append(time.perf_counter() - start)
        return result

    return call


def seconds_per_step(run: RunFolder) -> float:
    """Mean time of a step without measurements, from what the run itself recorded."""
    (*_, last) = (event for event in EventReader(run.events).read() if event["kind"] == "train")
    return float(last["tokens"] / last["tokens_per_second"] / last["step"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--recipe", default="demo-full")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    arguments = parser.parse_args()
    looks: list[float] = []
    canaries: list[float] = []
    TrainingMetrics.retention = timed(TrainingMetrics.retention, looks)
    TrainingMetrics.canaries = timed(TrainingMetrics.canaries, canaries)
    settings = [
        f"training.max_steps={arguments.steps}",
        "training.eval_steps=0",
        "evaluation.size=none",
        "evaluation.target_metric=nll",
        f"evaluation.retention_steps={max(1, arguments.steps // 4)}",
        f"evaluation.canary_steps={max(1, arguments.steps // 2)}",
        *arguments.overrides,
    ]
    with tempfile.TemporaryDirectory() as folder:
        run = Runs(Path(folder)).create(yaml_io.load_file(arguments.recipe, settings))
        if train_run(run):
            raise SystemExit(run.status().reason)
        step = seconds_per_step(run)
    defaults = EvaluationSection()
    look, round_ = (sum(times) / len(times) for times in (looks, canaries))
    share = look / defaults.retention_steps / step
    canary_share = round_ / defaults.canary_steps / step
    print(f"step                 {step:.3f} s, mean of {arguments.steps}")
    print(f"look at the KL       {look:.3f} s, every {defaults.retention_steps}: {share:.2%}")
    print(f"round of canaries    {round_:.3f} s, every {defaults.canary_steps}: {canary_share:.2%}")
    print(f"watching, together   {share + canary_share:.2%} of the step time (goal: under 3 %)")


if __name__ == "__main__":
    main()
