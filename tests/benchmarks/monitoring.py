"""What watching a run costs: its share of the step time at the default intervals.

    python -m tests.benchmarks.monitoring --steps 12 [--set training.micro_batch_size=16 …]

One short run of the demo's full fine-tuning is measured more often than by default. The mean time
of one retention measurement and of one round of canaries is then compared with the mean time of a
step. The goal is under 3 % together.
"""

from __future__ import annotations

import tempfile
import time
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.benchmarks.recording import option_parser, save
from workbench.recipe import yaml_io
from workbench.recipe.evaluation import EvaluationSection
from workbench.runs.events import EventReader
from workbench.runs.folder import Runs
from workbench.training.callbacks.metrics import TrainingMetrics
from workbench.training.worker import train_run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder


def timed(method: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """Wrap ``method`` so that the time of each call is appended to ``seconds``."""

    @wraps(method)
    def call(*arguments: Any) -> Any:
        start = time.perf_counter()
        result = method(*arguments)
        seconds.append(time.perf_counter() - start)
        return result

    return call


def seconds_per_step(run: RunFolder) -> float:
    """Mean time of a step without measurements, from the events of the run."""
    *_, last = (event for event in EventReader(run.events).read() if event["kind"] == "train")
    return float(last["tokens"] / last["tokens_per_second"] / last["step"])


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Train once with both measurements timed."""
    retention: list[float] = []
    canaries: list[float] = []
    settings = [
        f"training.max_steps={options.steps}",
        "training.eval_steps=0",
        "evaluation.size=none",
        "evaluation.target_metric=nll",
        f"evaluation.retention_steps={max(1, options.steps // 4)}",
        f"evaluation.canary_steps={max(1, options.steps // 2)}",
        *options.overrides,
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(TrainingMetrics, "retention", timed(TrainingMetrics.retention, retention)),
        patch.object(TrainingMetrics, "canaries", timed(TrainingMetrics.canaries, canaries)),
    ):
        run = Runs(Path(folder)).create(yaml_io.load_file(options.recipe, settings))
        if train_run(run):
            raise SystemExit(run.status().reason)
        step = seconds_per_step(run)
    defaults = EvaluationSection()
    retention_mean, canary_mean = (sum(times) / len(times) for times in (retention, canaries))
    retention_share = retention_mean / defaults.retention_steps / step
    canary_share = canary_mean / defaults.canary_steps / step
    return {
        "step_seconds": step,
        "retention_seconds": retention_mean,
        "retention_steps": defaults.retention_steps,
        "retention_share": retention_share,
        "canary_seconds": canary_mean,
        "canary_steps": defaults.canary_steps,
        "canary_share": canary_share,
        "share": retention_share + canary_share,
    }


def main() -> None:
    parser = option_parser("monitoring", __doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--recipe", default="demo-full")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    options = parser.parse_args()
    figures = measure(options)
    print(f"step                   {figures['step_seconds']:.3f} s")
    for name, label in (("retention", "retention measurement"), ("canary", "round of canaries")):
        seconds, interval = figures[f"{name}_seconds"], figures[f"{name}_steps"]
        print(f"{label:<22} {seconds:.3f} s, every {interval}: {figures[f'{name}_share']:.2%}")
    print(f"together               {figures['share']:.2%} of the step time")
    save(options, figures)


if __name__ == "__main__":
    main()
