"""Whether the risk estimated before a launch orders runs by how much they then forget.

    python -m tests.benchmarks.risk --steps 12 [--ship]

Every line is one run of the demo with something changed. Its score is computed before it starts, as
``ftwb estimate`` does. KL to base and domain leak come from its report: KL on general answers that
no run trains on, the leak from the model's own answers to general questions. Prints a table and
Spearman's rank correlations. ``--ship`` also writes them to ``presets/probes/risk_check.json``,
which the workbench shows beside the risk; ship poor correlations too. ``--only`` selects lines.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from scipy.stats import spearmanr

from tests.benchmarks.recording import ROOT, cpu_model, option_parser, save
from workbench.cli.output import emit_table
from workbench.data.splitting import load_examples
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.report import read_report
from workbench.planning.preflight import preflight
from workbench.planning.risk import WEIGHTS
from workbench.planning.risk_check import CheckedRun, RiskCheck
from workbench.recipe import yaml_io
from workbench.runs.folder import Runs
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES: dict[str, list[str]] = {
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
SETTINGS = (
    "training.learning_rate=1e-3",
    "training.eval_steps=0",
    "evaluation.size=none",
    "evaluation.retention_steps=0",
    "evaluation.canary_steps=0",
    "evaluation.target_metric=nll",
    "evaluation.prompts_max_new_tokens=24",
)
SHIPPED = ROOT / "presets" / "probes" / "risk_check.json"


def check(name: str, settings: Sequence[str], runs: Runs) -> CheckedRun:
    """Estimate the risk of one run, train it, and measure what it forgot."""
    recipe = yaml_io.load_file("demo-full", [*SETTINGS, *settings])
    recipe = recipe.model_copy(
        update={"evaluation": recipe.evaluation.model_copy(update={"prompts": questions()})}
    )
    risk = preflight(recipe).risk
    run = runs.create(recipe)
    if train_run(run):
        raise SystemExit(f"{name}: {run.status().reason}")
    findings = analyse(read_report(run))
    assert risk is not None
    assert findings.kl_general is not None
    return CheckedRun(
        name=name,
        level=risk.level,
        score=risk.score,
        kl_to_base=findings.kl_general.value,
        domain_leak=findings.domain_leak.value if findings.domain_leak else None,
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


def show(result: RiskCheck) -> None:
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
            for line in sorted(result.runs, key=lambda line: -line.score)
        ],
    )
    print(result)


def main() -> None:
    parser = option_parser("risk", __doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--only", nargs="*", choices=list(LINES), default=list(LINES))
    parser.add_argument("--ship", action="store_true", help=f"write {SHIPPED.relative_to(ROOT)}")
    options = parser.parse_args()
    checked = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            settings = [setting.format(third=options.steps // 3) for setting in LINES[name]]
            settings = [f"training.max_steps={options.steps}", *settings]
            checked.append(check(name, settings, Runs(Path(folder))))
            print(checked[-1], file=sys.stderr)
    scores = [line.score for line in checked]
    result = RiskCheck(
        model=f"{yaml_io.load_file('demo-full').model.id} model",
        machine=f"{cpu_model()}, torch {torch.__version__}",
        steps=options.steps,
        kl_correlation=correlation(scores, [line.kl_to_base for line in checked]),
        leak_correlation=correlation(scores, [line.domain_leak for line in checked]),
        weights=WEIGHTS,
        runs=tuple(checked),
    )
    show(result)
    if options.ship:
        SHIPPED.write_text(f"{result.model_dump_json()}\n", encoding="utf-8")
    save(options, result.model_dump(mode="json"))


if __name__ == "__main__":
    main()
