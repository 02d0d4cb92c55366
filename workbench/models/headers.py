"""Shapes and sizes of weights, read from the headers of safetensors files alone."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from workbench.core.errors import BadInputError, first_line
from workbench.core.weights import require_safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from huggingface_hub.utils import (
        SafetensorsFileMetadata,
        SafetensorsRepoMetadata,
    )

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}

_SHARD = re.compile(r"-\d+-of-\d+\.safetensors$")
_ADAPTER = "adapter_model.safetensors"
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


def require_weights(folder: Path, owner: str) -> None:
    """Refuse a folder whose weights cannot be read as those of a base model.

    Args:
        folder: A folder with a config.
        owner: The model as the user names it, for the error.

    Raises:
        BadInputError: It has only pickled weights, shards without their index, or an adapter.
    """
    if (folder / SINGLE).is_file() or (folder / INDEX).is_file():
        return
    require_safetensors(folder, owner)
    found = sorted(path.name for path in folder.glob("*.safetensors"))
    if shards := [name for name in found if _SHARD.search(name)]:
        raise BadInputError(
            f"{owner}: {shards[0]} is a part of the weights, and {INDEX}, which says what is in "
            "which part, is missing; copy that file too"
        )
    if found == [_ADAPTER]:
        raise BadInputError(
            f"{owner}: only an adapter's weights in {folder}, none of a base model; merge the "
            "adapter into its base first, or name that base"
        )
    raise BadInputError(
        f"{owner}: {found[0]} is not the name of a model's weights; they are read from {SINGLE}, "
        f"or from the files that {INDEX} lists"
    )


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
