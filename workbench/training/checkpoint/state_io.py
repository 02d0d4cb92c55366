"""Nested state as JSON and safetensors: what others pickle, without pickle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save_file
from torch import Tensor

if TYPE_CHECKING:
    from pathlib import Path


def save_state(state: Any, folder: Path, name: str) -> None:
    """Write nested dicts, lists and tuples of plain values and tensors as two files.

    Keys of any plain type, tuples, and numbers that are not finite survive the round trip.

    Raises:
        TypeError: The state holds a value of another type.
        OSError: The disk is full or cannot be written.
        SafetensorError: The same, reported by safetensors.
    """
    encoder = _Encoder()
    encoded = encoder.encode(state)
    save_file(encoder.tensors, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(encoded), encoding="utf-8")


def load_state(folder: Path, name: str) -> Any:
    """Read what :func:`save_state` wrote; tensors are on the CPU.

    Raises:
        OSError: A file cannot be read.
        SafetensorError: The tensors' file is broken.
    """
    encoded = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return _decode(encoded, load_file(folder / f"{name}.safetensors"))


class _Encoder:
    """Numbers the tensors in the order in which they occur; a shared one is stored once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[int, str] = {}

    def encode(self, value: Any) -> Any:
        match value:
            case Tensor():
                return {"tensor": self._name(value)}
            case dict():
                pairs = [[self.encode(key), self.encode(item)] for key, item in value.items()]
                return {"dict": pairs}
            case tuple():
                return {"tuple": [self.encode(item) for item in value]}
            case list():
                return [self.encode(item) for item in value]
            case None | bool() | int() | float() | str():
                return value
            case _:
                raise TypeError(f"cannot save a {type(value).__name__} as part of a state")

    def _name(self, tensor: Tensor) -> str:
        if id(tensor) not in self._names:
            name = self._names[id(tensor)] = str(len(self._names))
            self.tensors[name] = tensor.detach().contiguous()
        return self._names[id(tensor)]


def _decode(encoded: Any, tensors: dict[str, Tensor]) -> Any:
    match encoded:
        case {"tensor": str(name)}:
            return tensors[name]
        case {"dict": list(pairs)}:
            return {_decode(key, tensors): _decode(item, tensors) for key, item in pairs}
        case {"tuple": list(items)}:
            return tuple(_decode(item, tensors) for item in items)
        case list():
            return [_decode(item, tensors) for item in encoded]
        case _:
            return encoded
