"""Facts of an imaginary base model, for arithmetic that needs no weights."""

from __future__ import annotations

from typing import Any

from workbench.models.model_facts import ModelFacts


def facts(**changes: Any) -> ModelFacts:
    """A small Llama with some facts changed."""
    values: dict[str, Any] = {
        "source": "x",
        "architecture": "LlamaForCausalLM",
        "model_type": "llama",
        "parameters": 0,
        "layers": 2,
        "hidden_size": 64,
        "vocabulary": 100,
        "context": 2048,
        "dtype": "float32",
    }
    return ModelFacts(**values | changes)
