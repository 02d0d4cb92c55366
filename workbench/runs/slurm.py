"""Running under SLURM: a batch script that starts torchrun on every node of a job."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.errors import MachineError
from workbench.runs.launch import WORKER
from workbench.runs.links import require_no_links

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.runs.folder import RunFolder

SCHEDULER = "SLURM"

_NOTICE = 180
"""Seconds before a job's time limit at which its run is stopped, so that it can save."""

_FORWARDED = ("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "PYTHONPATH")
"""Environment variables that decide what the worker finds; access tokens are not among them."""


@dataclass(frozen=True)
class Job:
    """What is requested from SLURM.

    Attributes:
        nodes: Number of machines.
        gpus: GPUs on each node, one process each; with 0 the processes share the CPU.
        processes: Processes on each node.
        options: Further options of sbatch, such as ``partition``, by their long names.
    """

    nodes: int
    gpus: int
    processes: int
    options: tuple[tuple[str, str], ...] = ()


def write_script(run: RunFolder, job: Job) -> Path:
    """Write the batch script of a job into the run's folder.

    Raises:
        BadInputError: The folder holds a link.
        MachineError: The folder cannot be written.
    """
    require_no_links(run)
    path = run.path / "slurm.sh"
    run.files.write_atomic(path, script(run, job))
    run.status().model_copy(update={"scheduler": SCHEDULER}).save(run.status_file)
    return path


def submit(run: RunFolder, path: Path) -> str:
    """Submit a script with sbatch and return the job id.

    Raises:
        MachineError: sbatch is not installed here, or refuses the script.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise MachineError(
            f"sbatch is not installed on this machine; submit {path} on one that has it"
        )
    done = subprocess.run(
        [sbatch, "--parsable", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MachineError(f"sbatch: {done.stderr.strip() or 'refused'}; the script is {path}")
    job_id = done.stdout.strip().partition(";")[0]
    scheduler = f"{SCHEDULER} job {job_id}"
    run.status().model_copy(update={"scheduler": scheduler}).save(run.status_file)
    return job_id


def script(run: RunFolder, job: Job) -> str:
    """The text of the batch script."""
    return "\n".join((*_directives(run, job), *_commands(run, job), ""))


def _directives(run: RunFolder, job: Job) -> Iterator[str]:
    yield "#!/bin/bash"
    yield f"# Trains the run {run.id}."
    yield "# 'sbatch slurm.sh' starts it; 'sbatch slurm.sh resume' resumes it from its newest"
    yield "# checkpoint after it was stopped or lost. The run and cache folders below must be on a"
    yield "# file system that all nodes share."
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
    yield f"# {_NOTICE} seconds before the time limit the run is stopped, and saves:"
    yield f"#SBATCH --signal=TERM@{_NOTICE}"


def _commands(run: RunFolder, job: Job) -> Iterator[str]:
    yield ""
    yield "set -euo pipefail"
    yield "umask 077"
    settings = {name: os.environ[name] for name in _FORWARDED if name in os.environ}
    settings["FTWB_CACHE"] = str(locations.cache())
    yield from (f"export {name}={shlex.quote(value)}" for name, value in settings.items())
    yield "export PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false"
    yield "# Seconds the processes have to save before they are killed:"
    yield f"export TORCH_ELASTIC_SHUTDOWN_TIMEOUT={_NOTICE - 10}"
    yield ""
    yield "# The nodes rendezvous at the first of them, at a port derived from the job id."
    yield 'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)'
    yield "port=$((20000 + SLURM_JOB_ID % 20000))"
    yield "srun --kill-on-bad-exit=1 \\"
    yield f"  {shlex.quote(sys.executable)} -m torch.distributed.run \\"
    yield f"  --nnodes={job.nodes} --nproc-per-node={job.processes} --max-restarts=0 \\"
    yield '  --rdzv-backend=c10d --rdzv-endpoint="$first:$port" --rdzv-id="$SLURM_JOB_ID" \\'
    yield f'  -m {WORKER} {shlex.quote(str(run.path))} "$@"'
