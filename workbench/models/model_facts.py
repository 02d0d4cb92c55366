"""What is known of a base model without loading it."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

_EMBEDDINGS = ("embed_tokens", "wte", "wpe", "word_embeddings", "embed_in", "tok_embeddings")
_HEADS = ("lm_head", "embed_out", "output_layer")
_TRANSPOSED = ("gpt2", "openai-gpt")
"""Model types whose matrices are stored [in, out] (transformers' Conv1D)."""


class ModelFacts(BaseModel):
    """A base model as its config and its weight headers describe it.

    ``shapes`` maps every checkpoint tensor to its shape; it is empty when no header could be read
    (weights not downloaded yet, or only pickled), and then ``parameters`` may be 0.
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
        """Module name to shape of every matrix inside the blocks, without head and embeddings."""
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
        """Whether matrices are stored [in, out] instead of [out, in]."""
        return self.model_type in _TRANSPOSED

    def features(self, name: str) -> tuple[int, int]:
        """Inputs and outputs of the matrix inside the module ``name``."""
        rows, columns = self.shapes[f"{name}.weight"]
        return (rows, columns) if self.transposed else (columns, rows)

    def tensor_parameters(self, name: str) -> int:
        """How many numbers one checkpoint tensor holds."""
        return math.prod(self.shapes[name])


def is_embedding(name: str) -> bool:
    """Whether a tensor holds the vectors of tokens or positions."""
    return any(word in _EMBEDDINGS for word in name.split("."))


def is_head(name: str) -> bool:
    """Whether a tensor belongs to the output head."""
    return any(word in _HEADS for word in name.split("."))


def in_blocks(name: str) -> bool:
    """Whether a tensor is neither head nor embedding."""
    return not is_embedding(name) and not is_head(name)
