"""Shapes and sizes of weights, read from the headers of safetensors files alone."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from workbench.core.errors import BadInputError, first_line

if TYPE_CHECKING:
    from pathlib import Path

    from huggingface_hub.utils import (
        SafetensorsFileMetadata,
        SafetensorsRepoMetadata,
    )

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}

_BUFFER = re.compile(r"(^|\.)(masked_bias|inv_freq|position_ids)$")
_CAUSAL_MASK_DIMENSIONS = 4


class Headers(NamedTuple):
    """The shapes of all parameters, the dtype of most of them, and their size on disk."""

    shapes: dict[str, tuple[int, ...]]
    dtype: str
    bytes_on_disk: int


def read_headers(folder: Path) -> Headers | None:
    """Read the headers of the safetensors in ``folder``; None where there are none.

    Raises:
        BadInputError: A file is missing, truncated, or not safetensors.
    """
    from huggingface_hub import get_local_safetensors_metadata
    from huggingface_hub.errors import SafetensorsParsingError

    if not (folder / SINGLE).is_file() and not (folder / INDEX).is_file():
        return None
    try:
        metadata = get_local_safetensors_metadata(folder)
        for name, file in metadata.files_metadata.items():
            _check_size(folder / name, file)
    except FileNotFoundError as error:
        raise BadInputError(
            f"{folder}: its index lists {error.filename}, which is missing; download it again"
        ) from error
    except (SafetensorsParsingError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{folder}: broken weights: {first_line(error)}; download them again"
        ) from error
    return parse_headers(metadata)


def parse_headers(metadata: SafetensorsRepoMetadata) -> Headers:
    """Summarise headers, without the buffers that older files contain."""
    tensors = {
        name: info
        for file in metadata.files_metadata.values()
        for name, info in file.tensors.items()
    }
    shapes = {name: tuple(info.shape) for name, info in tensors.items()}
    counts: Counter[str] = Counter()
    for info in tensors.values():
        counts[info.dtype] += info.parameter_count
    commonest = counts.most_common(1)[0][0] if counts else "unknown"
    return Headers(
        shapes={name: shape for name, shape in shapes.items() if not _is_buffer(name, shape)},
        dtype=_DTYPES.get(commonest, commonest.lower()),
        bytes_on_disk=sum(map(_data_bytes, metadata.files_metadata.values())),
    )


def _check_size(path: Path, file: SafetensorsFileMetadata) -> None:
    with path.open("rb") as stream:
        header = int.from_bytes(stream.read(8), "little")
    expected = 8 + header + _data_bytes(file)
    size = path.stat().st_size
    if size != expected:
        raise ValueError(f"{path.name} has {size:,} bytes instead of {expected:,}")


def _data_bytes(file: SafetensorsFileMetadata) -> int:
    return max((info.data_offsets[1] for info in file.tensors.values()), default=0)


def _is_buffer(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a tensor is a causal mask, rotary frequencies or position ids: never trained."""
    is_mask = name.endswith(("attn.bias", "attention.bias"))
    return bool(_BUFFER.search(name)) or (is_mask and len(shape) == _CAUSAL_MASK_DIMENSIONS)
