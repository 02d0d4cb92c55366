"""The machine in one line."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from tests.hardware.fake_nvml import GIB, FakeNvml
from workbench.hardware import gpus
from workbench.hardware.summary import machine_summary


@pytest.mark.parametrize(("cores", "expected"), [(1, "1 core"), (16, "16 cores")])
def test_a_machine_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, cores: int, expected: str
) -> None:
    monkeypatch.setattr(gpus, "_nvml", lambda: None)
    machine = SimpleNamespace(total=24 * GIB, available=GIB)
    monkeypatch.setattr("workbench.hardware.summary.processors", lambda: cores)
    monkeypatch.setattr("workbench.hardware.host_memory.memory_limit", lambda: None)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert machine_summary() == f"{expected} · 24 GiB · no GPU"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("NVIDIA H200",), "1x H200 139 GiB · 3 GiB used"),
        (("NVIDIA GeForce RTX 4090",), "1x RTX 4090 139 GiB · 3 GiB used"),
        (("NVIDIA A100", "NVIDIA L4"), "1x A100 139 GiB + 1x L4 · 3 GiB used"),
    ],
)
def test_a_machine_with_gpus(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], expected: str
) -> None:
    monkeypatch.setattr(gpus, "_nvml", lambda: FakeNvml(*names))
    assert machine_summary() == expected.replace("x ", "\N{MULTIPLICATION SIGN}")


def test_it_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "from workbench.hardware.summary import machine_summary\n"
        "assert machine_summary()\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
