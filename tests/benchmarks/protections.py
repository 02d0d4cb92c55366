"""What each protection saves, and what it costs, on the demo model at equal steps.

    python tests/benchmarks/protections.py --steps 40

Every line is one run of the demo's full fine-tuning with one thing changed. The plain run is told
at fewer steps too: a protection that does no better than stopping earlier lies on their line. KL to
base is the mean over the tokens of held-out general answers, in nats: half of ``preset:general`` is
given to the protections, the other half is measured on. Prints a table, then one JSON document with
the facts of the machine. Choose lines with ``--only``.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from workbench.cli.output import emit_table
from workbench.core import locations
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
from workbench.training.worker import work

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

LINES = {
    "plain, a quarter of the steps": ["training.max_steps={quarter}"],
    "plain, half the steps": ["training.max_steps={half}"],
    "plain": [],
    "careful rate": ["training.learning_rate=1e-4"],
    "freeze": ["strategy.kind=freeze", "strategy.choose=train_last", "strategy.layers=4"],
    "LoRA": ["strategy.kind=lora", "training.learning_rate=2e-3"],
    "replay 20 %": ["retention.replay.share=0.2", "retention.replay.source={general}"],
    "KL, beta 0.5": ["retention.kl.strength=0.5", "retention.kl.source={general}"],
    "EWC, lambda 1e4": ["retention.ewc.strength=1e4", "retention.ewc.source={general}"],
    "EWC, lambda 1e5": ["retention.ewc.strength=1e5", "retention.ewc.source={general}"],
    "L2-SP, lambda 0.1": ["retention.l2sp.strength=0.1"],
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


class Ruler:
    """The untouched base's answers on general rows that no protection sees."""

    def __init__(self, general: Path) -> None:
        section = yaml_io.load_file("demo-full").model
        self._section, self._folder = section, loading.locate(section, lambda *_: None)
        tokenizer = loading.load_tokenizer(section, self._folder)
        renderer = Renderer(tokenizer, assistant_only=True, sequence_length=256)
        rows = renderer.render_all(load_examples(str(general)).rows)
        rows = sorted(rows, key=lambda row: len(row.input_ids))
        collate = Collator(tokenizer.pad_token_id)
        self._batches = [collate(rows[at : at + 8]) for at in range(0, len(rows), 8)]
        self._base = self._logits(self.load())

    def load(self) -> PreTrainedModel:
        """The base, anew."""
        cpu = torch.device("cpu")
        return loading.load_base(self._section, self._folder, device=cpu, dtype=torch.float32)

    def kl(self, tuned: Module) -> float:
        """Mean KL to base over all tokens."""
        pairs = zip(self._base, self._logits(tuned), strict=True)
        return float(torch.cat([kl_to_base(base, other) for base, other in pairs]).mean())

    def _logits(self, model: Module) -> list[Tensor]:
        with eval_mode(model):
            return [labelled_logits(model, batch)[0] for batch in self._batches]


def outcome(name: str, settings: list[str], ruler: Ruler, runs: Runs) -> Outcome:
    """Do one run and measure it."""
    start = time.perf_counter()
    run = runs.create(yaml_io.load_file("demo-full", settings))
    if work(run):
        raise SystemExit(f"{name}: {run.status().reason}")
    after = read_report(run).after
    kl = ruler.kl(run.recipe().strategy.load(ruler.load(), run.model))
    seconds = time.perf_counter() - start
    predicted = RunFollower(run).poll().value("penalty", "ewc_kl")
    return Outcome(name, kl, predicted, after.target_score, after.heldout_nll, seconds)


def halves(folder: Path) -> tuple[Path, Path]:
    """The general prompts, every other one for the protections and the rest for the ruler."""
    lines = (locations.presets() / "data" / "general.jsonl").read_text().splitlines(keepends=True)
    paths = folder / "protect.jsonl", folder / "measure.jsonl"
    for path, half in zip(paths, (lines[::2], lines[1::2]), strict=True):
        path.write_text("".join(half))
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--only", nargs="*", choices=LINES, default=list(LINES))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        protect, measure = halves(Path(folder))
        ruler, runs = Ruler(measure), Runs(Path(folder) / "runs")
        found = []
        for name in asked.only:
            places = {"general": protect, "quarter": asked.steps // 4, "half": asked.steps // 2}
            settings = [setting.format(**places) for setting in LINES[name]]
            settings = [f"training.max_steps={asked.steps}", "evaluation.size=none", *settings]
            found.append(outcome(name, settings, ruler, runs))
            print(found[-1], file=sys.stderr)
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
            for line in found
        ],
    )
    machine = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__}
    lines = [asdict(line) for line in found]
    print(json.dumps({**machine, "steps": asked.steps, "lines": lines}))


if __name__ == "__main__":
    main()
