"""What torch reports of its devices: memory on NVIDIA, on AMD all that its library knows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from workbench.hardware import gpus
from workbench.hardware.readings import read_memory
from workbench.training.reporting.torch_devices import cuda_use

GIB = 2**30
KNOWN = {
    "cuda0_allocated": GIB,
    "cuda0_reserved": 2 * GIB,
    "cuda0_used": 52 * GIB,
    "cuda0_total": 192 * GIB,
}


def refuse(_index: int) -> int:
    raise ModuleNotFoundError("amdsmi does not seem to be installed")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One device of 192 GiB, and no NVML."""
    answers: dict[str, Any] = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "mem_get_info": lambda _index: (140 * GIB, 192 * GIB),
        "memory_allocated": lambda _index: GIB,
        "memory_reserved": lambda _index: 2 * GIB,
        "get_device_properties": lambda _index: SimpleNamespace(uuid="a"),
        "utilization": refuse,
        "power_draw": refuse,
        "temperature": refuse,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    monkeypatch.setattr(torch.version, "hip", "6.4")
    monkeypatch.setattr(gpus, "_nvml", lambda: None)
    return monkeypatch


def of_devices() -> dict[str, float]:
    return {key: value for key, value in read_memory(cuda_use()).items() if key[:4] == "cuda"}


def test_an_amd_device_is_read_through_torch(device: pytest.MonkeyPatch) -> None:
    device.setattr(torch.cuda, "utilization", lambda _index: 93)
    device.setattr(torch.cuda, "power_draw", lambda _index: 707)
    device.setattr(torch.cuda, "temperature", lambda _index: 64)
    readings = {"cuda0_utilisation": 93, "cuda0_power": 707, "cuda0_temperature": 64}
    assert of_devices() == {**KNOWN, **readings}
    assert cuda_use()[0].uuid == ""


@pytest.mark.usefixtures("device")
def test_without_amds_library_memory_is_read_all_the_same() -> None:
    assert of_devices() == KNOWN


def test_what_amds_library_does_not_know_is_left_out(device: pytest.MonkeyPatch) -> None:
    device.setattr(torch.cuda, "utilization", lambda _index: "N/A")
    device.setattr(torch.cuda, "power_draw", lambda _index: 0)
    device.setattr(torch.cuda, "temperature", lambda _index: 41)
    assert of_devices() == {**KNOWN, "cuda0_temperature": 41}


def test_an_nvidia_device_is_left_to_its_driver(device: pytest.MonkeyPatch) -> None:
    device.setattr(torch.version, "hip", None)
    device.setattr(torch.cuda, "utilization", lambda _index: 93)
    (use,) = cuda_use()
    assert (use.uuid, use.utilisation) == ("GPU-a", None)
    assert of_devices() == KNOWN
