"""A run for SLURM: a script that starts its processes on every node, by torch's own rendezvous."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core import files, locations
from workbench.core.errors import MachineError
from workbench.runs.launch import WORKER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.runs.folder import RunFolder

SCHEDULER = "SLURM"

_NOTICE = 180
"""Seconds before a job's time is up at which its run is told to stop and save."""

_FORWARDED = ("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "PYTHONPATH")
"""Settings of this shell that decide what the worker finds; a token is not among them."""


@dataclass(frozen=True)
class Job:
    """What is asked of SLURM.

    Attributes:
        nodes: Machines.
        gpus: Devices on each, with a process each; without any the processes share the CPU.
        processes: On each node.
        options: More of sbatch's own, such as ``partition``, by their long names.
    """

    nodes: int
    gpus: int
    processes: int
    options: tuple[tuple[str, str], ...] = ()


def write_script(run: RunFolder, job: Job) -> Path:
    """Write the script of a job into its run's folder.

    Raises:
        MachineError: The folder cannot be written.
    """
    path = run.path / "slurm.sh"
    files.write_atomic(path, script(run, job))
    run.status().model_copy(update={"scheduler": SCHEDULER}).save(run.status_file)
    return path


def submit(run: RunFolder, path: Path) -> str:
    """Hand a script to sbatch and return the number of the job.

    Raises:
        MachineError: There is no sbatch here, or it refuses.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise MachineError(f"there is no sbatch on this machine; copy and submit {path} on one")
    done = subprocess.run(
        [sbatch, "--parsable", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MachineError(f"sbatch: {done.stderr.strip() or 'refused'}; the script is {path}")
    number = done.stdout.strip().partition(";")[0]
    scheduler = f"{SCHEDULER} job {number}"
    run.status().model_copy(update={"scheduler": scheduler}).save(run.status_file)
    return number


def script(run: RunFolder, job: Job) -> str:
    """The script, for sbatch and for people."""
    return "\n".join((*_head(run, job), *_body(run, job), ""))


def _head(run: RunFolder, job: Job) -> Iterator[str]:
    yield "#!/bin/bash"
    yield f"# Trains the run {run.id}."
    yield "# 'sbatch slurm.sh' starts it; 'sbatch slurm.sh resume' lets it go on from its newest"
    yield "# checkpoint after it was stopped or lost. The folders of runs and caches that are named"
    yield "# here must be on a file system that all nodes share."
    options = {
        "job-name": f"ftwb-{run.recipe().name}",
        "nodes": job.nodes,
        "ntasks-per-node": 1,
        **({"gpus-per-node": job.gpus} if job.gpus else {}),
        "output": str(run.log).replace("%", "%%"),
        "open-mode": "append",
        **dict(job.options),
    }
    yield from (f"#SBATCH --{name}={shlex.quote(str(value))}" for name, value in options.items())
    yield f"# {_NOTICE} seconds before its time is up the run is told to stop, and saves:"
    yield f"#SBATCH --signal=TERM@{_NOTICE}"


def _body(run: RunFolder, job: Job) -> Iterator[str]:
    yield ""
    yield "set -euo pipefail"
    yield "umask 077"
    settings = {name: os.environ[name] for name in _FORWARDED if name in os.environ}
    settings["FTWB_CACHE"] = str(locations.cache())
    yield from (f"export {name}={shlex.quote(value)}" for name, value in settings.items())
    yield "export PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false"
    yield "# Seconds that saving may take before the processes are killed:"
    yield f"export TORCH_ELASTIC_SHUTDOWN_TIMEOUT={_NOTICE - 10}"
    yield ""
    yield "# The nodes meet at the first of them, at a port of this job's own."
    yield 'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)'
    yield "port=$((20000 + SLURM_JOB_ID % 20000))"
    yield "srun --kill-on-bad-exit=1 \\"
    yield f"  {shlex.quote(sys.executable)} -m torch.distributed.run \\"
    yield f"  --nnodes={job.nodes} --nproc-per-node={job.processes} --max-restarts=0 \\"
    yield '  --rdzv-backend=c10d --rdzv-endpoint="$first:$port" --rdzv-id="$SLURM_JOB_ID" \\'
    yield f'  -m {WORKER} {shlex.quote(str(run.path))} "$@"'
