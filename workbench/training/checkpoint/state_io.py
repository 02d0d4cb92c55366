"""State as JSON and safetensors: what others pickle, without pickle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save_file
from torch import Tensor

if TYPE_CHECKING:
    from pathlib import Path


def save_state(state: Any, folder: Path, name: str) -> None:
    """Write nested dicts, lists and tuples of plain values and tensors as two files.

    Keys of any plain kind, tuples, and numbers that are not finite come back as they were.

    Raises:
        TypeError: Something in it is neither.
        OSError: The disk is full or cannot be written.
        SafetensorError: The same, told by safetensors.
    """
    packer = _Packer()
    packed = packer.pack(state)
    save_file(packer.tensors, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(packed), encoding="utf-8")


def load_state(folder: Path, name: str) -> Any:
    """Read what :func:`save_state` wrote; tensors are on the CPU.

    Raises:
        OSError: A file cannot be read.
        SafetensorError: The tensors' file is broken.
    """
    packed = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return _unpack(packed, load_file(folder / f"{name}.safetensors"))


class _Packer:
    """Numbers the tensors in the order in which they are met; one met twice is kept once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[int, str] = {}

    def pack(self, value: Any) -> Any:
        match value:
            case Tensor():
                return {"tensor": self._name(value)}
            case dict():
                return {"dict": [[self.pack(key), self.pack(one)] for key, one in value.items()]}
            case tuple():
                return {"tuple": [self.pack(one) for one in value]}
            case list():
                return [self.pack(one) for one in value]
            case None | bool() | int() | float() | str():
                return value
            case _:
                raise TypeError(f"a state holds a {type(value).__name__}, which is not kept")

    def _name(self, tensor: Tensor) -> str:
        if id(tensor) not in self._names:
            name = self._names[id(tensor)] = str(len(self._names))
            self.tensors[name] = tensor.detach().contiguous()
        return self._names[id(tensor)]


def _unpack(packed: Any, tensors: dict[str, Tensor]) -> Any:
    match packed:
        case {"tensor": str(name)}:
            return tensors[name]
        case {"dict": list(pairs)}:
            return {_unpack(key, tensors): _unpack(value, tensors) for key, value in pairs}
        case {"tuple": list(values)}:
            return tuple(_unpack(value, tensors) for value in values)
        case list():
            return [_unpack(value, tensors) for value in packed]
        case _:
            return packed
