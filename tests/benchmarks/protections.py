"""What each protection saves, and what it costs, on the demo model at equal steps.

    python -m tests.benchmarks.protections --steps 40

Every line is one run of the demo's full fine-tuning with one thing changed. The plain run is also
measured at fewer steps: a protection that does no better than stopping earlier lies on their line.
KL to base is the mean over the tokens of held-out general answers, in nats: half of
``preset:general`` is given to the protections, and KL is measured on the other half. ``--only``
selects lines.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tests.benchmarks.recording import option_parser, save
from workbench.cli.output import emit_table
from workbench.core import locations
from workbench.core.progress import silent
from workbench.data.batches import Collator
from workbench.data.rendering import Renderer
from workbench.data.splitting import load_examples
from workbench.evaluation.report import read_report
from workbench.models import loading
from workbench.models.eval_mode import eval_mode
from workbench.models.loss import labelled_logits
from workbench.recipe import yaml_io
from workbench.retention.penalties.kl import kl_to_base
from workbench.runs.folder import Runs
from workbench.runs.view import RunFollower
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

LINES: dict[str, list[str]] = {
    "plain, a quarter of the steps": ["training.max_steps={quarter}"],
    "plain, half the steps": ["training.max_steps={half}"],
    "plain": [],
    "rate 1e-4": ["training.learning_rate=1e-4"],
    "last 4 layers only": [
        "strategy.kind=freeze",
        "strategy.choose=train_last",
        "strategy.layers=4",
    ],
    "LoRA at 2e-3": ["strategy.kind=lora", "training.learning_rate=2e-3"],
    "replay 20 %": ["retention.replay.share=0.2", "retention.replay.source={general}"],
    "KL, beta 0.5": ["retention.kl.strength=0.5", "retention.kl.source={general}"],
    "EWC, lambda 1e4": ["retention.ewc.strength=1e4", "retention.ewc.source={general}"],
    "EWC, lambda 1e5": ["retention.ewc.strength=1e5", "retention.ewc.source={general}"],
    "EWC, lambda 1e3, proximal": [
        "retention.ewc.strength=1e3",
        "retention.ewc.apply=proximal",
        "retention.ewc.source={general}",
    ],
    "L2-SP, lambda 0.1": ["retention.l2sp.strength=0.1"],
    **{
        f"LoRA at 2e-3, EWC, lambda {strength}": [
            "strategy.kind=lora",
            "training.learning_rate=2e-3",
            f"retention.ewc.strength={strength}",
            "retention.ewc.source={general}",
        ]
        for strength in ("10", "100", "300", "1e3", "1e4")
    },
}


@dataclass(frozen=True)
class Outcome:
    """One line of the table; KL in nats per token, the score a share of held-out rows."""

    name: str
    kl_to_base: float
    kl_predicted_by_ewc: float | None
    target_score: float | None
    heldout_nll: float | None
    seconds: float


class KlMeter:
    """Measures KL to base on general rows that no protection reads."""

    def __init__(self, general: Path) -> None:
        section = yaml_io.load_file("demo-full").model
        self._section, self._folder = section, loading.locate(section, silent)
        tokenizer = loading.load_tokenizer(section, self._folder)
        renderer = Renderer(tokenizer, assistant_only_loss=True, sequence_length=256)
        rows = renderer.render_all(load_examples(str(general)).rows)
        rows = sorted(rows, key=lambda row: len(row.input_ids))
        collate = Collator(tokenizer.pad_token_id)
        self._batches = [collate(rows[at : at + 8]) for at in range(0, len(rows), 8)]
        self._base = self._logits(self.load())

    def load(self) -> PreTrainedModel:
        """A fresh copy of the base."""
        cpu = torch.device("cpu")
        return loading.load_base(self._section, self._folder, device=cpu, dtype=torch.float32)

    def kl(self, tuned: Module) -> float:
        """Mean KL to base over all tokens."""
        pairs = zip(self._base, self._logits(tuned), strict=True)
        return float(torch.cat([kl_to_base(base, other) for base, other in pairs]).mean())

    def _logits(self, model: Module) -> list[Tensor]:
        with eval_mode(model):
            return [labelled_logits(model, batch)[0] for batch in self._batches]


def outcome(name: str, settings: list[str], meter: KlMeter, runs: Runs) -> Outcome:
    """Train once and measure the result."""
    start = time.perf_counter()
    run = runs.create(yaml_io.load_file("demo-full", settings))
    if train_run(run):
        raise SystemExit(f"{name}: {run.status().reason}")
    after = read_report(run).after
    kl = meter.kl(run.recipe().strategy.load(meter.load(), run.model))
    seconds = time.perf_counter() - start
    predicted = RunFollower(run).poll().value("penalty", "ewc_kl")
    return Outcome(name, kl, predicted, after.target_score, after.heldout_nll, seconds)


def halves(folder: Path) -> tuple[Path, Path]:
    """The general prompts: every other one for the protections, the rest for the meter."""
    lines = (locations.presets() / "data" / "general.jsonl").read_text().splitlines(keepends=True)
    protect, measure = folder / "protect.jsonl", folder / "measure.jsonl"
    protect.write_text("".join(lines[::2]))
    measure.write_text("".join(lines[1::2]))
    return protect, measure


def main() -> None:
    parser = option_parser("protections", __doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--only", nargs="*", choices=list(LINES), default=list(LINES))
    options = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        protect, measure = halves(Path(folder))
        meter, runs = KlMeter(measure), Runs(Path(folder) / "runs")
        for name in options.only:
            fields = {
                "general": protect,
                "quarter": options.steps // 4,
                "half": options.steps // 2,
            }
            settings = [setting.format(**fields) for setting in LINES[name]]
            settings = [f"training.max_steps={options.steps}", "evaluation.size=none", *settings]
            outcomes.append(outcome(name, settings, meter, runs))
            print(outcomes[-1], file=sys.stderr)
    emit_table(
        ("one thing changed", "KL to base", "by EWC", "target task", "held-out loss", "seconds"),
        [
            (
                line.name,
                f"{line.kl_to_base:.3f}",
                "" if line.kl_predicted_by_ewc is None else f"{line.kl_predicted_by_ewc:.1g}",
                f"{line.target_score:.0%}",
                f"{line.heldout_nll:.2f}",
                f"{line.seconds:.0f}",
            )
            for line in outcomes
        ],
    )
    save(options, {"lines": [asdict(line) for line in outcomes]})


if __name__ == "__main__":
    main()
