"""The devices that a run may take, named so that two sessions of this machine mean the same one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from workbench.hardware.gpus import uuids
from workbench.hardware.packages import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Device(NamedTuple):
    """One device: its name for people, and what tells it from every other of this machine.

    Attributes:
        name: ``cuda:0`` with the number that nvidia-smi gives it, or ``cpu``.
        key: What ``CUDA_VISIBLE_DEVICES`` calls it beyond doubt: its UUID; ``cpu`` for the CPU.
    """

    name: str
    key: str


CPU = Device("cpu", "cpu")


def usable_devices() -> tuple[Device, ...]:
    """The CUDA devices that the user lets a run see, else the CPU; without loading torch.

    Numbers in ``CUDA_VISIBLE_DEVICES`` are read as nvidia-smi's. As CUDA does, what follows a
    device that does not exist is not seen.
    """
    every = [Device(f"cuda:{index}", uuid) for index, uuid in enumerate(uuids())]
    if not every or "+cpu" in (version_of("torch") or ""):
        return (CPU,)
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    seen = every if asked is None else _seen(asked.split(","), every)
    return tuple(dict.fromkeys(seen)) or (CPU,)


def _seen(words: Sequence[str], every: Sequence[Device]) -> Iterator[Device]:
    for word in map(str.strip, words):
        device = _named(word, every)
        if device is None:
            return
        yield device


def _named(word: str, every: Sequence[Device]) -> Device | None:
    """The device of a number, of the beginning of a UUID, or a part of one (MIG)."""
    if word.startswith("MIG-"):
        return Device(f"cuda:{word}", word)
    if word.isdecimal():
        return every[int(word)] if int(word) < len(every) else None
    fitting = [device for device in every if word and device.key.startswith(word)]
    return fitting[0] if len(fitting) == 1 else None
