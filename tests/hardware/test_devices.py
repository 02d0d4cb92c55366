"""Which devices a run may take, told without torch."""

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
    ("visible", "seen"),
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
def test_the_user_decides_what_a_run_sees(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, seen: tuple[Device, ...]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert usable_devices() == seen


def test_a_torch_for_the_cpu_and_a_box_without_gpus_use_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "version_of", lambda _package: "2.9.0+cpu")
    assert usable_devices() == (CPU,)
    monkeypatch.setattr(devices, "version_of", lambda _package: "2.9.0")
    monkeypatch.setattr(gpus, "_nvml", lambda: None)
    assert usable_devices() == (CPU,)
