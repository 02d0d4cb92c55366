"""The facts of a base model that are known without loading it."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

_EMBEDDINGS = ("embed_tokens", "wte", "wpe", "word_embeddings", "embed_in", "tok_embeddings")
_HEADS = ("lm_head", "embed_out", "output_layer")
_TRANSPOSED = ("gpt2", "openai-gpt")
"""Model types that store matrices as [in, out] (transformers' Conv1D)."""


class ModelFacts(BaseModel):
    """A base model as its config.json and the headers of its weights describe it.

    Attributes:
        source: The id that the user knows it by.
        architecture: Its class in transformers.
        model_type: Its type in config.json, or a GGUF file's architecture.
        parameters: 0 where no header could be read: weights not downloaded yet, or only pickled.
        layers: Transformer blocks.
        hidden_size: Width of the residual stream.
        vocabulary: Tokens in the vocabulary.
        context: Most tokens it can read; 0 where unknown.
        dtype: The dtype of most of its weights.
        bytes_on_disk: Size of its weights.
        licence: As its card names it; may be empty.
        chat_template: Whether its tokenizer has one.
        tied_embeddings: Whether head and embedding are one tensor.
        shapes: The shape of every tensor by its name; empty where no header could be read.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    architecture: str
    model_type: str
    parameters: int
    layers: int
    hidden_size: int
    vocabulary: int
    context: int
    dtype: str
    bytes_on_disk: int = 0
    licence: str = ""
    chat_template: bool = False
    tied_embeddings: bool = False
    shapes: dict[str, tuple[int, ...]] = {}

    def linears(self) -> dict[str, tuple[int, int]]:
        """The shape of every matrix inside the blocks, by the name of its module."""
        return {
            name.removesuffix(".weight"): (shape[0], shape[1])
            for name, shape in self.shapes.items()
            if name.endswith(".weight")
            and len(shape) == 2
            and not is_embedding(name)
            and not is_head(name)
        }

    @property
    def transposed(self) -> bool:
        """Whether matrices are stored as [in, out] instead of [out, in]."""
        return self.model_type in _TRANSPOSED

    def features(self, name: str) -> tuple[int, int]:
        """Inputs and outputs of the linear module ``name``."""
        rows, columns = self.shapes[f"{name}.weight"]
        return (rows, columns) if self.transposed else (columns, rows)

    def tensor_parameters(self, name: str) -> int:
        """The number of parameters in one tensor."""
        return math.prod(self.shapes[name])


def is_embedding(name: str) -> bool:
    """Whether a tensor holds embeddings of tokens or positions."""
    return any(word in _EMBEDDINGS for word in name.split("."))


def is_head(name: str) -> bool:
    """Whether a tensor belongs to the output head."""
    return any(word in _HEADS for word in name.split("."))


def in_blocks(name: str) -> bool:
    """Whether a tensor is neither of the head nor of an embedding."""
    return not is_embedding(name) and not is_head(name)
