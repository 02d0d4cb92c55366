"""The metadata of GGUF files, read without torch."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.core.errors import BadInputError
from workbench.models.model_facts import ModelFacts

if TYPE_CHECKING:
    from pathlib import Path

    from gguf import GGUFReader

_RENAMED = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""llama.cpp's names of tensors, and those of most decoders in transformers."""

_BLOCK = re.compile(r"^blk\.(\d+)\.")
_BUFFER = re.compile(r"^rope_(freqs|factors)")


class GgufFile(NamedTuple):
    """The metadata of a GGUF file that ftwb uses."""

    architecture: str
    layers: int
    hidden_size: int
    vocabulary: int
    context: int
    pre_tokenizer: str
    licence: str
    chat_template: bool
    dtype: str
    shapes: dict[str, tuple[int, ...]]


def read_gguf(file: Path) -> GgufFile:
    """Read the header of ``file``; cached, because a large vocabulary takes seconds.

    Raises:
        BadInputError: It is not a complete GGUF file.
    """
    stat = file.stat()
    return _read(file, stat.st_size, stat.st_mtime_ns)


def gguf_facts(file: Path, source: str) -> ModelFacts:
    """Describe the model in ``file``, with the tensor names that it has after its conversion.

    Raises:
        BadInputError: It is not a complete GGUF file.
    """
    header = read_gguf(file)
    facts = ModelFacts(
        source=source,
        architecture=header.architecture,
        model_type=header.architecture,
        parameters=0,
        layers=header.layers,
        hidden_size=header.hidden_size,
        vocabulary=header.vocabulary,
        context=header.context,
        dtype=header.dtype,
        bytes_on_disk=file.stat().st_size,
        licence=header.licence,
        chat_template=header.chat_template,
        tied_embeddings="lm_head.weight" not in header.shapes,
        shapes=header.shapes,
    )
    return facts.model_copy(update={"parameters": sum(map(facts.tensor_parameters, header.shapes))})


@lru_cache(maxsize=32)
def _read(file: Path, size: int, modified: int) -> GgufFile:
    del size, modified  # part of the cache key: a file that was replaced is read again
    from gguf import GGUFReader

    try:
        reader = GGUFReader(file)
    except (ValueError, IndexError, OSError) as error:
        raise BadInputError(f"{file}: not a complete GGUF file: {error}") from error
    architecture = str(_value(reader, "general.architecture", "unknown"))
    return GgufFile(
        architecture=architecture,
        layers=int(_value(reader, f"{architecture}.block_count", 0)),
        hidden_size=int(_value(reader, f"{architecture}.embedding_length", 0)),
        vocabulary=_length(reader, "tokenizer.ggml.tokens"),
        context=int(_value(reader, f"{architecture}.context_length", 0)),
        pre_tokenizer=str(_value(reader, "tokenizer.ggml.pre", "")),
        licence=str(_value(reader, "general.license", "")),
        chat_template="tokenizer.chat_template" in reader.fields,
        dtype=_main_type(reader),
        shapes={
            _rename(tensor.name): tuple(int(size) for size in reversed(tensor.shape))
            for tensor in reader.tensors
            if not _BUFFER.match(tensor.name)
        },
    )


def _value(reader: GGUFReader, key: str, default: object) -> Any:
    field = reader.fields.get(key)
    return default if field is None else field.contents()


def _length(reader: GGUFReader, key: str) -> int:
    field = reader.fields.get(key)
    return 0 if field is None else len(field.data)


def _main_type(reader: GGUFReader) -> str:
    """The type of most of the parameters."""
    counts: dict[str, int] = {}
    for tensor in reader.tensors:
        name = tensor.tensor_type.name
        counts[name] = counts.get(name, 0) + int(tensor.n_elements)
    return max(counts, key=lambda name: counts[name], default="unknown")


def _rename(name: str) -> str:
    block = _BLOCK.match(name)
    prefix = f"model.layers.{block[1]}." if block else ""
    stem, dot, kind = name[block.end() if block else 0 :].rpartition(".")
    return f"{prefix}{_RENAMED.get(stem, stem)}{dot}{kind}"
