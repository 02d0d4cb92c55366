"""The devices that a run may use, without torch."""

from __future__ import annotations

import pytest

from tests.hardware.fake_nvml import FakeNvml
from workbench.hardware import devices, gpus
from workbench.hardware.devices import CPU, Device, usable_devices

FIRST, SECOND = Device("cuda:0", "GPU-a"), Device("cuda:1", "GPU-b")


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "_nvml", FakeNvml)
    monkeypatch.setattr(devices, "version_of", lambda _package: "2.9.0+cu128")


@pytest.mark.parametrize(
    ("visible", "usable"),
    [
        (None, (FIRST, SECOND)),
        ("1", (SECOND,)),
        ("1,0", (SECOND, FIRST)),
        ("0,0", (FIRST,)),
        ("1, 7, 0", (SECOND,)),
        ("GPU-b", (SECOND,)),
        ("GPU-", (CPU,)),
        ("MIG-5c", (Device("cuda:MIG-5c", "MIG-5c"),)),
        ("", (CPU,)),
        ("-1", (CPU,)),
    ],
)
def test_cuda_visible_devices_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, usable: tuple[Device, ...]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert usable_devices() == usable


def test_without_cuda_the_cpu_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "version_of", lambda _package: "2.9.0+cpu")
    assert usable_devices() == (CPU,)
    monkeypatch.setattr(devices, "version_of", lambda _package: "2.9.0")
    monkeypatch.setattr(gpus, "_nvml", lambda: None)
    assert usable_devices() == (CPU,)
