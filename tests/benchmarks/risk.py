"""Whether the risk told before a launch orders runs as they then forget, on the demo model.

    python tests/benchmarks/risk.py --steps 12

Every line is one run of the demo with something changed. Its score is computed before it starts,
as ``ftwb estimate`` does. KL to base and domain leak are taken from its report: on general answers
that no run trains on, and on the model's own answers to general questions. Prints a table, the
rank correlations (Spearman's), and last one line of JSON, which the workbench shows beside the
risk when it is kept:

    python tests/benchmarks/risk.py | tail -n 1 > presets/probes/risk_check.json

Poor correlations are to be kept too. Choose lines with ``--only``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from scipy.stats import spearmanr

from workbench.cli.output import emit_table
from workbench.data.splitting import load_examples
from workbench.evaluation.analysis.analysis import judge
from workbench.evaluation.report import read_report
from workbench.planning.preflight import preflight
from workbench.planning.risk_weights import WEIGHTS, CheckedRun, RiskCheck
from workbench.recipe import yaml_io
from workbench.runs.folder import Runs
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = {
    "full 1e-3": [],
    "full 1e-3, a third of the steps": ["training.max_steps={third}"],
    "full 3e-4": ["training.learning_rate=3e-4"],
    "full 1e-4": ["training.learning_rate=1e-4"],
    "full 3e-5": ["training.learning_rate=3e-5"],
    "full 1e-3 on varied answers": ["data.train=preset:general"],
    "full 1e-3, replay 5 %": ["retention.replay.share=0.05"],
    "full 1e-3, replay 20 %": ["retention.replay.share=0.2"],
    "full 1e-4, replay 20 %": ["training.learning_rate=1e-4", "retention.replay.share=0.2"],
    "full 1e-3, KL 0.5": ["retention.kl.strength=0.5"],
    "full 1e-3, L2-SP 0.1": ["retention.l2sp.strength=0.1"],
    "freeze 1e-3": ["strategy.kind=freeze", "strategy.layers=4"],
    "LoRA 2e-3": ["strategy.kind=lora", "training.learning_rate=2e-3"],
    "LoRA 5e-4": ["strategy.kind=lora", "training.learning_rate=5e-4"],
    "LoRA 2e-3, replay 20 %": [
        "strategy.kind=lora",
        "training.learning_rate=2e-3",
        "retention.replay.share=0.2",
    ],
}
QUESTIONS = 24
MEASURED = (
    "training.learning_rate=1e-3",
    "training.eval_steps=0",
    "evaluation.size=none",
    "evaluation.retention_interval=0",
    "evaluation.canary_interval=0",
    "evaluation.target_metric=nll",
    "evaluation.answer_tokens=24",
)


def checked(name: str, settings: Sequence[str], runs: Runs) -> CheckedRun:
    """Judge one run, do it, and read what came of it."""
    recipe = yaml_io.load_file("demo-full", [*MEASURED, *settings])
    recipe = recipe.model_copy(
        update={"evaluation": recipe.evaluation.model_copy(update={"prompts": questions()})}
    )
    risk = preflight(recipe).risk
    run = runs.create(recipe)
    if work(run):
        raise SystemExit(f"{name}: {run.status().reason}")
    found = judge(read_report(run))
    return CheckedRun(
        name=name,
        level=risk.level,
        score=risk.score,
        kl_to_base=found.kl_general.value,
        domain_leak=found.domain_leak.value if found.domain_leak else None,
    )


def questions() -> tuple[str, ...]:
    """General questions that no run trains on."""
    rows = load_examples("preset:general_heldout", max_rows=QUESTIONS).rows
    return tuple(row.messages[0].content for row in rows)


def correlation(scores: Sequence[float], measured: Sequence[float | None]) -> float | None:
    """Spearman's over the runs that have both; None where all are alike."""
    pairs = [(s, m) for s, m in zip(scores, measured, strict=True) if m is not None]
    value = float(spearmanr(*zip(*pairs, strict=True)).statistic) if len(pairs) > 1 else math.nan
    return None if math.isnan(value) else value


def show(check: RiskCheck) -> None:
    emit_table(
        ("run", "risk", "score", "KL to base", "domain leak"),
        [
            (
                line.name,
                line.level,
                f"{line.score:.2f}",
                f"{line.kl_to_base:.3f}",
                "" if line.domain_leak is None else f"{line.domain_leak:.0%}",
            )
            for line in sorted(check.runs, key=lambda line: -line.score)
        ],
    )
    print(check)
    print(json.dumps(check.model_dump(mode="json")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--only", nargs="*", choices=LINES, default=list(LINES))
    asked = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.only:
            settings = [setting.format(third=asked.steps // 3) for setting in LINES[name]]
            settings = [f"training.max_steps={asked.steps}", *settings]
            found.append(checked(name, settings, Runs(Path(folder))))
            print(found[-1], file=sys.stderr)
    scores = [line.score for line in found]
    show(
        RiskCheck(
            model=f"{yaml_io.load_file('demo-full').model.id} model",
            machine=f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
            f"torch {torch.__version__}",
            steps=asked.steps,
            kl_correlation=correlation(scores, [line.kl_to_base for line in found]),
            leak_correlation=correlation(scores, [line.domain_leak for line in found]),
            weights=WEIGHTS,
            runs=found,
        )
    )


if __name__ == "__main__":
    main()
