"""Memory and time of ``ftwb data`` and ``ftwb estimate`` on a million rows, and on one huge row.

    python -m tests.benchmarks.large_data [--rows 1000000]

Writes its own files, and uses the demo's tokenizer. Goals: under 2 GB in all processes and under 2
minutes on 2 cores for a million rows of 170 MB, read for the first time; seconds for a row of 50
MB. Other load on the machine lengthens the seconds, so the processor time is given beside them.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.benchmarks.recording import option_parser, save
from workbench.core.progress import silent
from workbench.models.loading import locate
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = [
    "account",
    "address",
    "bank",
    "branch",
    "card",
    "change",
    "close",
    "credit",
    "currency",
    "debit",
    "delivery",
    "exchange",
    "fee",
    "help",
    "hours",
    "limit",
    "money",
    "month",
    "number",
    "office",
    "online",
    "order",
    "password",
    "phone",
    "please",
    "rate",
    "refund",
    "reset",
    "return",
    "status",
    "support",
    "ticket",
    "today",
    "tomorrow",
    "transfer",
    "travel",
    "week",
    "when",
]
HUGE_CHARACTERS = 50_000_000
GB = 1e9
POLL_SECONDS = 0.1


def rows(count: int) -> Iterator[dict[str, str]]:
    """Short questions and answers, all different: 170 bytes each as JSON."""
    chance = random.Random(0)  # noqa: S311 - no secret
    for number in range(count):
        question, answer = (" ".join(chance.choices(WORDS, k=words)) for words in (9, 11))
        yield {"prompt": f"{question} {number}?", "completion": f"{answer}."}


def huge_rows(field: str) -> Iterator[dict[str, str]]:
    """Thirty short rows and one of 50 MB."""
    chance = random.Random(1)  # noqa: S311 - no secret
    text = " ".join(chance.choices(WORDS, k=HUGE_CHARACTERS // 7))
    answer = {} if field == "text" else {"completion": "yes"}
    for number in range(30):
        yield {field: f"row {number}", **answer}
    yield {field: text, **answer}


def write(path: Path, lines: Iterator[dict[str, str]]) -> Path:
    with path.open("w") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)
    return path


def measure(*arguments: str, cache: Path) -> dict[str, float]:
    """Seconds, processor seconds and peak memory of a command with all its processes."""
    command = [sys.executable, "-m", "workbench", *arguments, "--json"]
    start, peak, cpu = time.perf_counter(), 0, 0.0
    environment = {**os.environ, "FTWB_CACHE": str(cache)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                family = [watched, *watched.children(recursive=True)]
                peak = max(peak, sum(one.memory_info().rss for one in family))
                cpu = max(cpu, sum(sum(one.cpu_times()[:2]) for one in family))
            except psutil.NoSuchProcess:
                continue
            time.sleep(POLL_SECONDS)
    assert process.returncode == 0, f"{' '.join(arguments)} failed"
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_gb": peak / GB}


def settings(model: str, data: Path) -> list[str]:
    return ["--set", f"model.id={model}", "--set", f"data.train={data}"]


def main() -> None:
    parser = option_parser("large_data", __doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    model = str(locate(ModelSection(id="demo"), silent))
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cache = root / "cache"
        many = write(root / "many.jsonl", rows(options.rows))
        figures["file_mb"] = many.stat().st_size / 1e6
        calls = {
            "estimate_first": ("estimate", "lora", *settings(model, many)),
            "data_again": ("data", str(many), "--model", model),
        }
        for field in ("prompt", "text"):
            huge = write(root / f"huge_{field}.jsonl", huge_rows(field))
            calls[f"data_huge_{field}"] = ("data", str(huge), "--model", model)
        for name, arguments in calls.items():
            measured = measure(*arguments, cache=cache)
            figures |= {f"{name}_{unit}": value for unit, value in measured.items()}
    save(options, figures)


if __name__ == "__main__":
    main()
