"""What every benchmark shares: its options, and a JSON file of the figures with their context.

A figure means little without the machine it was measured on, so a result file holds, beside the
figures: the settings, the date, the commit, the versions of the libraries, and the processor,
memory, accelerator and load of the machine. The numbers in the README come from these files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch

import workbench
from workbench.models.dtype import CPU_BF16, fast_bfloat16

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "results"
"""Where results are kept unless ``--output`` names another file."""

ROOT = Path(__file__).parents[2]
LIBRARIES = ("accelerate", "bitsandbytes", "peft", "textual", "torch", "transformers")
GIB = 1 << 30

_STARTED = time.time()
_LOAD_AT_START = os.getloadavg()[0]


def option_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with ``--output``; the description is the benchmark's module docstring."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=FOLDER / f"{name}.json",
        help=f"JSON file to write (default: {(FOLDER / f'{name}.json').relative_to(ROOT)})",
    )
    return parser


def save(options: argparse.Namespace, figures: Mapping[str, Any]) -> None:
    """Write the figures and their context to ``options.output``, and name the file on stderr."""
    settings = {name: value for name, value in vars(options).items() if name != "output"}
    result = {
        "benchmark": Path(sys.argv[0]).stem,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "settings": settings,
        "machine": machine(),
        "versions": versions(),
        "seconds": round(time.time() - _STARTED, 1),
        "figures": figures,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    options.output.write_text(f"{text}\n", encoding="utf-8")
    print(f"{options.output} written", file=sys.stderr)


def machine() -> dict[str, Any]:
    """Facts of this machine on which figures depend; nothing that identifies its owner."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / GIB, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "fast_bfloat16": {
            "cpu": fast_bfloat16(torch.device("cpu")),
            CPU_BF16: os.environ.get(CPU_BF16),
        },
        "torch_threads": torch.get_num_threads(),
        "load_before": round(_LOAD_AT_START, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Python, ftwb and the libraries that do the work."""
    libraries = {name: metadata.version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "ftwb": workbench.__version__, **libraries}


def commit() -> str | None:
    """The commit that is checked out, with ``-dirty`` if tracked files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or None


def cpu_model() -> str:
    """The processor's name; the architecture where the system does not tell it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
