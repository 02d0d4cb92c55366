"""Every preset on the demo model, as a user runs it: trained, reloaded, asked.

    python tests/benchmarks/presets.py --steps 20

Each preset goes through ``ftwb train … --wait`` and then, in a fresh process, through
``ftwb chat RUN --prompt … --json``. Prints one line each with the end of the loss and both answers,
and ends with the exit code 1 if two runs on the same base disagree on what it says. Choose with
``--only``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
"""Small in all that the chat does not show."""

GENERAL_ROWS = 48


@dataclass(frozen=True)
class Outcome:
    """What came of one preset."""

    preset: str
    quantized: bool
    loss: float
    base: str
    tuned: str


def ftwb(runs: Path, *words: str) -> Any:
    """Run a command in a process of its own and return the JSON it printed."""
    command = [sys.executable, "-m", "workbench", "--runs-dir", str(runs), *words, "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def few_rows(recipe: Recipe) -> list[str]:
    """Let no protection, and no strategy, study more than a few general rows."""
    kinds = [
        f"retention.{kind}.rows"
        for kind, protection in recipe.retention.active().items()
        if isinstance(protection, GeneralProtection)
    ]
    fields = [*kinds, *(["strategy.general_rows"] if recipe.strategy.datasets() else [])]
    return [f"{name}={GENERAL_ROWS}" for name in fields]


def outcome(preset: str, steps: int, runs: Path) -> Outcome:
    """Train a preset and ask its result."""
    recipe = yaml_io.load_file(preset)
    settings = [f"training.max_steps={steps}", *SETTINGS, *few_rows(recipe)]
    words = [word for setting in settings for word in ("--set", setting)]
    trained = ftwb(runs, "train", preset, *words, "--wait")
    answer = ftwb(runs, "chat", trained["id"], "--prompt", PROMPT, "--max-tokens", "32")
    (lanes,) = answer["answers"]
    quantized = recipe.strategy.quantization() is not None
    return Outcome(
        preset, quantized, trained["loss"], lanes["base"]["text"], lanes["tuned"]["text"]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only", nargs="*", choices=yaml_io.presets(), default=yaml_io.presets())
    asked = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for preset in asked.only:
            found.append(outcome(preset, asked.steps, Path(folder)))
            print(found[-1], file=sys.stderr)
    emit_table(
        ("preset", "last loss", "base", "tuned"),
        [(line.preset, f"{line.loss:.2f}", line.base, line.tuned) for line in found],
    )
    said = {(line.quantized, line.base) for line in found}
    return int(len(said) > len({line.quantized for line in found}))


if __name__ == "__main__":
    sys.exit(main())
