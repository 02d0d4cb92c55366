from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.hardware.fake_nvml import GIB, FakeNvml
from workbench.hardware import gpus
from workbench.hardware.readings import CudaUse, read_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = {"process", "host_used", "host_total"}


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(gpus, "_nvml", FakeNvml)
    return


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "_nvml", lambda: None)


def test_memory_of_process_and_host() -> None:
    reading = read_memory()
    assert reading.keys() == HOST
    assert reading["host_total"] == psutil.virtual_memory().total
    assert 0 < reading["process"] < reading["host_used"] < reading["host_total"]


def test_the_process_is_this_one() -> None:
    size = 64 * 2**20
    before = read_memory()["process"]
    with mmap.mmap(-1, size) as block:
        block.write(b"x" * size)
        assert read_memory()["process"] - before > size / 2


@pytest.mark.usefixtures("driver")
def test_torch_and_the_driver_both_speak_of_a_device() -> None:
    reading = read_memory([CudaUse(index=3, allocated=10, reserved=20, uuid="GPU-a")])
    assert {key: reading[key] for key in reading.keys() - HOST} == {
        "cuda3_allocated": 10,
        "cuda3_reserved": 20,
        "cuda3_process": 2 * GIB,
        "cuda3_used": 3 * GIB,
        "cuda3_total": 139 * GIB,
    }


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("uuid", ["GPU-b", "GPU-unheard-of", ""])
def test_what_the_driver_does_not_tell_is_left_out(uuid: str) -> None:
    reading = read_memory([CudaUse(index=0, allocated=1, reserved=2, uuid=uuid)])
    assert reading.keys() - HOST == {"cuda0_allocated", "cuda0_reserved"}


@pytest.mark.usefixtures("no_driver")
def test_without_a_driver_torch_still_speaks() -> None:
    reading = read_memory([CudaUse(index=0, allocated=1, reserved=2, uuid="GPU-a")])
    assert reading.keys() - HOST == {"cuda0_allocated", "cuda0_reserved"}
