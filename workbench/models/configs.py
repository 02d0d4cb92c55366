"""A model's config.json, in the words of any family."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_CONTEXT = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "seq_length")

_TIED_UNLESS_TOLD = frozenset(
    {"bloom", "gemma", "gemma2", "gemma3", "gemma3_text", "gpt2", "gpt_neo", "opt"}
)
"""Model types whose config class ties the embeddings, so that their files need not say so."""


class Description(NamedTuple):
    """The part of a config that facts are made of; 0 where it does not say."""

    architecture: str
    model_type: str
    layers: int
    hidden_size: int
    vocabulary: int
    context: int
    dtype: str
    tied_embeddings: bool | None


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json``.

    Raises:
        BadInputError: There is none, or it is no model's config.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise BadInputError(f"{folder}: {_no_config(folder)}")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{file}: cannot be read: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise BadInputError(f"{file}: not a model's config: it names no model_type")
    return config


def describe(config: dict[str, Any]) -> Description:
    """Pick the facts out of a config; of a multi-modal one, those of its language model."""
    text = {**config, **config.get("text_config", {})}
    architectures = config.get("architectures") or ["unknown"]
    model_type = config["model_type"]
    return Description(
        architecture=str(architectures[0]),
        model_type=model_type,
        layers=_first(text, _LAYERS),
        hidden_size=_first(text, _HIDDEN),
        vocabulary=_first(text, ("vocab_size",)),
        context=_first(text, _CONTEXT),
        dtype=str(text.get("dtype") or text.get("torch_dtype") or "unknown"),
        tied_embeddings=_tied(config, text),
    )


def _tied(config: dict[str, Any], text: dict[str, Any]) -> bool | None:
    told = config.get("tie_word_embeddings", text.get("tie_word_embeddings"))
    if told is None and config["model_type"] in _TIED_UNLESS_TOLD:
        return True
    return None if told is None else bool(told)


def _first(values: dict[str, Any], keys: tuple[str, ...]) -> int:
    return next((value for key in keys if isinstance(value := values.get(key), int)), 0)


def _no_config(folder: Path) -> str:
    if (folder / "adapter_config.json").is_file():
        return "an adapter, not a base model; name the base it was trained on"
    files = sorted(path.name for path in folder.glob("*.gguf"))
    if files:
        return f"no config.json here; name the GGUF file itself, such as {files[0]}"
    return "no config.json here, so this is no model folder"
