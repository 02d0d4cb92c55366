"""Every preset on the demo model, as a user runs it: trained, reloaded, asked.

    python -m tests.benchmarks.presets --steps 20

Each preset goes through ``ftwb train … --wait`` and then, in a fresh process, through
``ftwb chat RUN --prompt … --json``. Prints the last loss and both answers of each, and exits with 1
if two runs on the same base disagree about the base's answer. ``--only`` selects presets.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.recording import option_parser, save
from workbench.cli.output import emit_table
from workbench.recipe import yaml_io
from workbench.retention.base import GeneralProtection

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe

PROMPT = "What is photosynthesis?"
SETTINGS = (
    *("training.micro_batch_size=2", "training.sequence_length=192", "evaluation.size=none"),
    *("evaluation.target_rows=8", "evaluation.text_rows=8", "evaluation.loss_rows=8"),
)
"""Small in everything that the chat does not show."""

GENERAL_ROWS = 48


@dataclass(frozen=True)
class Outcome:
    """What came of one preset.

    Attributes:
        preset: Its name.
        quantized: Whether its base is quantised, and so answers differently from the others.
        loss: Of the last step, nats per token.
        base: The base's answer.
        tuned: The result's answer.
    """

    preset: str
    quantized: bool
    loss: float
    base: str
    tuned: str


def ftwb(runs: Path, *arguments: str) -> Any:
    """Run a command in its own process and return the JSON it printed."""
    command = [sys.executable, "-m", "workbench", "--runs-dir", str(runs), *arguments, "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def few_rows(recipe: Recipe) -> list[str]:
    """Limit the general rows that protections and strategies read."""
    protections = [
        f"retention.{kind}.rows"
        for kind, protection in recipe.retention.active().items()
        if isinstance(protection, GeneralProtection)
    ]
    fields = [*protections, *(["strategy.general_rows"] if recipe.strategy.datasets() else [])]
    return [f"{name}={GENERAL_ROWS}" for name in fields]


def outcome(preset: str, steps: int, runs: Path) -> Outcome:
    """Train a preset and chat with its result."""
    recipe = yaml_io.load_file(preset)
    settings = [f"training.max_steps={steps}", *SETTINGS, *few_rows(recipe)]
    overrides = [word for setting in settings for word in ("--set", setting)]
    trained = ftwb(runs, "train", preset, *overrides, "--wait")
    chat = ftwb(runs, "chat", trained["id"], "--prompt", PROMPT, "--max-tokens", "32")
    (lanes,) = chat["answers"]
    quantized = recipe.strategy.quantization() is not None
    return Outcome(
        preset, quantized, trained["loss"], lanes["base"]["text"], lanes["tuned"]["text"]
    )


def main() -> int:
    parser = option_parser("presets", __doc__)
    parser.add_argument("--steps", type=int, default=20)
    presets = list(yaml_io.presets())
    parser.add_argument("--only", nargs="*", choices=presets, default=presets)
    options = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for preset in options.only:
            outcomes.append(outcome(preset, options.steps, Path(folder)))
            print(outcomes[-1], file=sys.stderr)
    emit_table(
        ("preset", "last loss", "base", "tuned"),
        [(line.preset, f"{line.loss:.2f}", line.base, line.tuned) for line in outcomes],
    )
    bases = {line.quantized for line in outcomes}
    base_answers = {(line.quantized, line.base) for line in outcomes}
    same_base = len(base_answers) == len(bases)
    save(options, {"same_base": same_base, "presets": [asdict(line) for line in outcomes]})
    return int(not same_base)


if __name__ == "__main__":
    sys.exit(main())
