"""Readings of memory and devices, from torch and from a scripted driver."""

from __future__ import annotations

import mmap
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pynvml
import pytest

from tests.hardware.fake_nvml import GIB, FakeNvml
from workbench.hardware import gpus
from workbench.hardware.readings import CudaUse, merge_readings, read_memory

if TYPE_CHECKING:
    from pathlib import Path

HOST = {"process", "host_used", "host_total"}


@pytest.fixture(autouse=True)
def no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.hardware.host_memory.memory_limit", lambda: None)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "_nvml", FakeNvml)


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
def test_a_reading_has_the_values_of_torch_and_of_the_driver() -> None:
    reading = read_memory([CudaUse(index=3, allocated=10, reserved=20, uuid="GPU-a")])
    assert {key: reading[key] for key in reading.keys() - HOST} == {
        "cuda3_allocated": 10,
        "cuda3_reserved": 20,
        "cuda3_process": 2 * GIB,
        "cuda3_used": 3 * GIB,
        "cuda3_total": 139 * GIB,
        "cuda3_utilisation": 87,
        "cuda3_power": 412.5,
        "cuda3_temperature": 61,
    }


@pytest.mark.usefixtures("driver")
def test_a_slice_of_a_device_has_memory_only() -> None:
    reading = read_memory([CudaUse(index=0, allocated=1, reserved=2, uuid="GPU-c")])
    assert {key: reading[key] for key in reading.keys() - HOST} == {
        "cuda0_allocated": 1,
        "cuda0_reserved": 2,
        "cuda0_process": 2 * GIB,
        "cuda0_used": 3 * GIB,
        "cuda0_total": 139 * GIB,
    }


@pytest.mark.usefixtures("driver")
def test_the_driver_takes_precedence_over_torch() -> None:
    use = CudaUse(index=0, allocated=1, reserved=2, uuid="GPU-a", used=7, total=9)
    reading = read_memory([use])
    assert (reading["cuda0_used"], reading["cuda0_total"]) == (3 * GIB, 139 * GIB)


@pytest.mark.usefixtures("no_driver")
def test_without_nvml_the_values_of_torch_are_used() -> None:
    reading = read_memory(
        [CudaUse(index=0, allocated=1, reserved=2, uuid="GPU-a", used=7, total=9)]
    )
    assert {key: reading[key] for key in reading.keys() - HOST} == {
        "cuda0_allocated": 1,
        "cuda0_reserved": 2,
        "cuda0_used": 7,
        "cuda0_total": 9,
    }


def test_a_driver_of_another_version_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)

    monkeypatch.setattr(pynvml, "nvmlInit", refuse)
    gpus._nvml.cache_clear()
    assert gpus.device_state("GPU-a") == gpus.DeviceState()
    assert gpus.gpus() == ()
    gpus._nvml.cache_clear()


def test_the_disk_is_that_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = []

    def usage(folder: Path) -> SimpleNamespace:
        folders.append(folder)
        return SimpleNamespace(free=3 * GIB, total=8 * GIB)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    reading = read_memory(folder=tmp_path)
    assert (reading["disk_free"], reading["disk_total"]) == (3 * GIB, 8 * GIB)
    assert folders == [tmp_path]


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("uuid", ["GPU-b", "GPU-unheard-of", ""])
def test_values_that_the_driver_does_not_report_are_left_out(uuid: str) -> None:
    reading = read_memory([CudaUse(index=0, allocated=1, reserved=2, uuid=uuid)])
    assert reading.keys() - HOST == {"cuda0_allocated", "cuda0_reserved"}


@pytest.mark.usefixtures("no_driver")
def test_without_a_driver_there_are_the_values_of_torch() -> None:
    reading = read_memory([CudaUse(index=0, allocated=1, reserved=2, uuid="GPU-a")])
    assert reading.keys() - HOST == {"cuda0_allocated", "cuda0_reserved"}


def test_readings_of_several_processes_are_merged() -> None:
    first = {"process": 5, "host_used": 7, "cuda0_used": 1, "cuda0_total": 10}
    second = {"process": 6, "host_used": 8, "cuda0_used": 2, "cuda0_power": 300.0}
    assert merge_readings([first, second]) == {
        "process": 11,
        "host_used": 7,
        "cuda0_used": 1,
        "cuda0_total": 10,
        "cuda1_used": 2,
        "cuda1_power": 300.0,
    }
    assert merge_readings([first]) == first
