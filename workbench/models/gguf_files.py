"""What a GGUF file says of itself, read without torch."""

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
"""llama.cpp's tensor names to the ones that most decoders have in transformers."""

_BLOCK = re.compile(r"^blk\.(\d+)\.")
_BUFFER = re.compile(r"^rope_(freqs|factors)")


class GgufFile(NamedTuple):
    """The metadata of one GGUF file that ftwb uses."""

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
    """Read the header of ``file``; seconds for a large vocabulary, so it is remembered.

    Raises:
        BadInputError: Not a whole GGUF file.
    """
    stat = file.stat()
    return _read(file, stat.st_size, stat.st_mtime_ns)


def gguf_facts(file: Path, source: str) -> ModelFacts:
    """Describe the model in ``file`` under the names its tensors have once converted.

    Raises:
        BadInputError: Not a whole GGUF file.
    """
    known = read_gguf(file)
    facts = ModelFacts(
        source=source,
        architecture=known.architecture,
        model_type=known.architecture,
        parameters=0,
        layers=known.layers,
        hidden_size=known.hidden_size,
        vocabulary=known.vocabulary,
        context=known.context,
        dtype=known.dtype,
        bytes_on_disk=file.stat().st_size,
        licence=known.licence,
        chat_template=known.chat_template,
        tied_embeddings="lm_head.weight" not in known.shapes,
        shapes=known.shapes,
    )
    return facts.model_copy(update={"parameters": sum(map(facts.tensor_parameters, known.shapes))})


@lru_cache(maxsize=32)
def _read(file: Path, size: int, changed: int) -> GgufFile:
    del size, changed  # part of the key: another file under that name is read again
    from gguf import GGUFReader

    try:
        reader = GGUFReader(file)
    except (ValueError, IndexError, OSError) as error:
        raise BadInputError(f"{file}: not a whole GGUF file: {error}") from error
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
        dtype=_commonest_type(reader),
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


def _commonest_type(reader: GGUFReader) -> str:
    """The type that holds most of the numbers."""
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
