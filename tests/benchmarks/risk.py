"""Whether the risk estimated before a launch orders runs by how much they then forget.

    python -m tests.benchmarks.risk [--ship]
    python -m tests.benchmarks.risk --rescore --ship

Every line is one run of the demo with something changed. Its score is computed before it starts, as
``ftwb estimate`` does. KL to base and domain leak come from its report: KL on general answers that
no run trains on, the leak from the model's own answers to general questions. Prints a table,
Spearman's rank correlations beside those of the learning rate alone, and the factors of
:mod:`workbench.planning.risk` that fit these runs best. ``--ship`` also writes the result to
``presets/probes/risk_check.json``, which the workbench shows beside the risk; ship poor
correlations too. ``--rescore`` keeps what was measured and only computes the scores anew.

In the shipped file the lines of 10, 20 and 40 steps were measured by
``tests.benchmarks.protections``, whose KL is on other general answers.
"""

from __future__ import annotations

import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.optimize import least_squares
from scipy.stats import spearmanr

from tests.benchmarks.recording import ROOT, cpu_model, option_parser, save
from workbench.cli.output import emit_table
from workbench.data.narrowness import narrowness_of
from workbench.data.splitting import load_examples
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.report import read_report
from workbench.planning.preflight import preflight
from workbench.planning.risk_check import CheckedRun, RiskCheck
from workbench.recipe import yaml_io
from workbench.retention.base import saturating
from workbench.runs.folder import Runs
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float64
    from numpy.typing import NDArray

    from workbench.recipe.recipe import Recipe

LORA = ("strategy.kind=lora",)
FREEZE = ("strategy.kind=freeze", "strategy.layers=4")
LONG = ("training.max_steps=40",)
LINES: dict[str, list[str]] = {
    "full 1e-3": [],
    "full 1e-3, 4 steps": ["training.max_steps=4"],
    "full 3e-4": ["training.learning_rate=3e-4"],
    "full 1e-4": ["training.learning_rate=1e-4"],
    "full 3e-5": ["training.learning_rate=3e-5"],
    "full 1e-3 on varied answers": ["data.train=preset:general"],
    "full 1e-3, replay 5 %": ["retention.replay.share=0.05"],
    "full 1e-3, replay 20 %": ["retention.replay.share=0.2"],
    "full 1e-4, replay 20 %": ["training.learning_rate=1e-4", "retention.replay.share=0.2"],
    "full 1e-3, KL 0.5": ["retention.kl.strength=0.5"],
    "full 1e-3, L2-SP 0.1": ["retention.l2sp.strength=0.1"],
    "freeze 1e-3": [*FREEZE],
    "LoRA 2e-3": [*LORA, "training.learning_rate=2e-3"],
    "LoRA 5e-4": [*LORA, "training.learning_rate=5e-4"],
    "LoRA 2e-3, replay 20 %": [
        *LORA,
        "training.learning_rate=2e-3",
        "retention.replay.share=0.2",
    ],
    "full 1e-3, 10 steps": ["training.max_steps=10"],
    "full 1e-3, 20 steps": ["training.max_steps=20"],
    "full 1e-3, 40 steps": [*LONG],
    "full 1e-4, 40 steps": [*LONG, "training.learning_rate=1e-4"],
    "freeze 1e-3, 40 steps": [*LONG, *FREEZE],
    "LoRA 2e-3, 40 steps": [*LONG, *LORA, "training.learning_rate=2e-3"],
    "full 1e-3, replay 20 %, 40 steps": [*LONG, "retention.replay.share=0.2"],
    "full 1e-3, KL 0.5, 40 steps": [*LONG, "retention.kl.strength=0.5"],
    "full 1e-3, L2-SP 0.1, 40 steps": [*LONG, "retention.l2sp.strength=0.1"],
}

QUESTIONS = 24
SETTINGS = (
    "training.learning_rate=1e-3",
    "training.max_steps=12",
    "training.eval_steps=0",
    "evaluation.size=none",
    "evaluation.retention_steps=0",
    "evaluation.canary_steps=0",
    "evaluation.target_metric=nll",
    "evaluation.prompts_max_new_tokens=24",
)
SHIPPED = ROOT / "presets" / "probes" / "risk_check.json"
USUAL = {"replay": ("share", 0.2), "kl": ("strength", 0.5), "l2sp": ("strength", 0.1)}
"""The field of each protection whose relief is fitted, and the value at which it is stated."""


@dataclass(frozen=True)
class Factors:
    """The factors of :mod:`workbench.planning.risk`, and the reliefs of ``USUAL`` in its order."""

    most_kl: float
    half_steps: float
    narrowness: float
    reliefs: tuple[float, ...]


@dataclass(frozen=True)
class Features:
    """What the formula knows of a run: see :func:`workbench.planning.risk.assess`."""

    worth: float
    narrowness: float
    reliefs: tuple[float, ...]

    @classmethod
    def of(cls, name: str) -> Features:
        """Those of one line."""
        recipe = recipe_of(name)
        risk = preflight(recipe).risk
        assert risk is not None
        train = load_examples(recipe.data.train).rows
        reliefs = tuple(
            saturating(1, getattr(recipe.retention.active()[kind], field), usual)
            if kind in recipe.retention.active()
            else 0.0
            for kind, (field, usual) in USUAL.items()
        )
        return cls(risk.worth, narrowness_of(train).index, reliefs)

    def score(self, factors: Factors) -> float:
        """The expected KL as a power of ten."""
        relief = sum(x * each for x, each in zip(self.reliefs, factors.reliefs, strict=True))
        share = self.worth / (self.worth + factors.half_steps)
        return math.log10(factors.most_kl * share) + factors.narrowness * self.narrowness - relief


def fitted(features: Sequence[Features], kls: Sequence[float]) -> Factors:
    """Least squares of the logarithm of the KL."""

    def factors(x: NDArray[float64]) -> Factors:
        return Factors(float(10 ** x[0]), float(10 ** x[1]), float(x[2]), tuple(map(float, x[3:])))

    def errors(x: NDArray[float64]) -> list[float]:
        found = factors(x)
        return [each.score(found) - math.log10(kl) for each, kl in zip(features, kls, strict=True)]

    start = np.array([0.3, 2.0, 0.3, *(0.3 for _ in USUAL)])
    return factors(least_squares(errors, start).x)


def scores_when_left_out(features: Sequence[Features], kls: Sequence[float]) -> list[float]:
    """The score of each run from factors fitted to all others."""
    places = range(len(features))
    return [
        features[out].score(
            fitted([features[i] for i in places if i != out], [kls[i] for i in places if i != out])
        )
        for out in places
    ]


def recipe_of(name: str) -> Recipe:
    """The recipe of a line, without the questions that are only asked afterwards."""
    return yaml_io.load_file("demo-full", [*SETTINGS, *LINES[name]])


def scored(name: str, kl_to_base: float, domain_leak: float | None) -> CheckedRun:
    """A measured line beside its risk."""
    plan = preflight(recipe_of(name))
    assert plan.risk is not None
    assert plan.learning_rate is not None
    return CheckedRun(
        name=name,
        level=plan.risk.level,
        score=plan.risk.score,
        relative_rate=plan.learning_rate.rate / plan.learning_rate.high,
        kl_to_base=kl_to_base,
        domain_leak=domain_leak,
    )


def measured(name: str, runs: Runs) -> CheckedRun:
    """Train one line and measure what it forgot."""
    recipe = recipe_of(name)
    recipe = recipe.model_copy(
        update={"evaluation": recipe.evaluation.model_copy(update={"prompts": questions()})}
    )
    run = runs.create(recipe)
    if train_run(run):
        raise SystemExit(f"{name}: {run.status().reason}")
    findings = analyse(read_report(run))
    assert findings.kl_general is not None
    leak = findings.domain_leak.value if findings.domain_leak else None
    return scored(name, findings.kl_general.value, leak)


def questions() -> tuple[str, ...]:
    """General questions that no run trains on."""
    rows = load_examples("preset:general_heldout", max_rows=QUESTIONS).rows
    return tuple(row.messages[0].content for row in rows)


def correlation(ones: Sequence[float], others: Sequence[float]) -> float:
    """Spearman's."""
    return float(spearmanr(ones, others).statistic)


def correlations(runs: Sequence[CheckedRun], features: Sequence[Features]) -> dict[str, Any]:
    """Every correlation of a :class:`RiskCheck`, by its field."""
    kls = [run.kl_to_base for run in runs]
    leaking = [run for run in runs if run.domain_leak is not None]
    leaks = [run.domain_leak for run in leaking if run.domain_leak is not None]
    return {
        "kl_correlation": correlation([run.score for run in runs], kls),
        "left_out_correlation": correlation(scores_when_left_out(features, kls), kls),
        "rate_correlation": correlation([run.relative_rate for run in runs], kls),
        "leak_correlation": correlation([run.score for run in leaking], leaks),
        "rate_leak_correlation": correlation([run.relative_rate for run in leaking], leaks),
    }


def show(result: RiskCheck) -> None:
    emit_table(
        ("run", "risk", "expected KL", "KL to base", "domain leak"),
        [
            (
                line.name,
                line.level,
                f"{10**line.score:.3f}",
                f"{line.kl_to_base:.3f}",
                "" if line.domain_leak is None else f"{line.domain_leak:.0%}",
            )
            for line in sorted(result.runs, key=lambda line: -line.score)
        ],
    )
    print(result)


def main() -> None:
    parser = option_parser("risk", __doc__)
    parser.add_argument("--rescore", action="store_true", help="of the shipped runs; train none")
    parser.add_argument("--ship", action="store_true", help=f"write {SHIPPED.relative_to(ROOT)}")
    options = parser.parse_args()
    machine = f"{cpu_model()}, torch {torch.__version__}"
    if options.rescore:
        shipped = RiskCheck.model_validate_json(SHIPPED.read_text(encoding="utf-8"))
        machine = shipped.machine
        checked = [scored(run.name, run.kl_to_base, run.domain_leak) for run in shipped.runs]
    else:
        with tempfile.TemporaryDirectory() as folder:
            checked = []
            for name in LINES:
                checked.append(measured(name, Runs(Path(folder))))
                print(checked[-1], file=sys.stderr)
    features = [Features.of(run.name) for run in checked]
    result = RiskCheck(
        model=f"{yaml_io.load_file('demo-full').model.id} model",
        machine=machine,
        **correlations(checked, features),
        runs=tuple(checked),
    )
    show(result)
    print(fitted(features, [run.kl_to_base for run in checked]))
    if options.ship:
        SHIPPED.write_text(f"{result.model_dump_json()}\n", encoding="utf-8")
    if not options.rescore:
        save(options, result.model_dump(mode="json"))


if __name__ == "__main__":
    main()
