"""What is known about a base model without loading it, in well under a second and without torch."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from workbench.core.errors import BadInputError
from workbench.core.store import is_complete
from workbench.models import hub, smollm2
from workbench.models.conversion import converted_folder
from workbench.models.demo import demo_folder
from workbench.models.gguf_files import gguf_facts
from workbench.models.headers import INDEX, SINGLE, Headers, read_headers, require_weights
from workbench.models.model_facts import ModelFacts
from workbench.models.sources import local_path, source_kind

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.recipe.model import ModelSection

_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_CONTEXT = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "seq_length")
_HEADS = ("lm_head.weight", "embed_out.weight")

TIED_BY_DEFAULT = frozenset(
    {"bloom", "gemma", "gemma2", "gemma3", "gemma3_text", "gpt2", "gpt_neo", "opt"}
)
"""Model types whose config class ties the embeddings, so that config.json may omit it."""


class _ConfigFacts(NamedTuple):
    """The facts in a config.json; numbers are 0 where it has none."""

    architecture: str
    model_type: str
    layers: int
    hidden_size: int
    vocabulary: int
    context: int
    dtype: str
    tied_embeddings: bool | None


def read_facts(section: ModelSection) -> ModelFacts:
    """Describe a base model from its config.json and the headers of its weights.

    A model with only pickled weights has no shapes and 0 parameters, because opening a pickle can
    run code.

    Raises:
        NotFoundError: There is no such model.
        BadInputError: Its config or its weights are broken.
        MachineError: It is not on this machine, and the hub cannot be reached.
    """
    match source_kind(section.id):
        case "demo":
            folder = demo_folder()
            return folder_facts(folder, section.id) if folder else smollm2.facts(section.id)
        case "gguf":
            file = local_path(section.id)
            converted = converted_folder(file)
            if is_complete(converted):
                return folder_facts(converted, section.id)
            return gguf_facts(file, section.id)
        case "folder":
            return folder_facts(local_path(section.id), section.id)
        case "hub":
            return _hub_facts(section)


def require_base(section: ModelSection, facts: ModelFacts) -> None:
    """Refuse a model whose weights cannot be read, before anything is planned with it.

    Raises:
        BadInputError: Naming what its folder has in their place.
    """
    if source_kind(section.id) == "folder":
        require_weights(local_path(section.id), section.id)
    elif not facts.shapes:
        raise BadInputError(
            f"{section.id}: has no safetensors, and opening pickled weights can run code; convert "
            "it first, or choose another model"
        )


def folder_facts(folder: Path, source: str) -> ModelFacts:
    """Describe the model in ``folder``, known to the user as ``source``.

    Raises:
        BadInputError: Its config or its weights are broken.
    """
    config = read_config(folder)
    return _assemble(
        source, config, read_headers(folder), licence_of(folder), _has_chat_template(folder)
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Read the ``config.json`` of a model.

    Raises:
        BadInputError: There is none, or it is not a model's.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise BadInputError(f"{folder}: {_why_no_config(folder)}")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{file}: cannot be read: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise BadInputError(f"{file}: not a model's config: it has no model_type")
    if (other := config.get("transformers_weights")) not in (None, SINGLE):
        raise BadInputError(
            f"{file}: transformers_weights names {other}, but weights are read from {SINGLE} or "
            f"{INDEX}; rename them so, and remove that entry"
        )
    return config


def licence_of(folder: Path) -> str:
    """The licence in the front matter of ``README.md``; empty without one."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    head, matter, *_ = [*text.split("---", 2), "", ""]
    if head.strip():
        return ""
    try:
        values = yaml.safe_load(matter)
    except yaml.YAMLError:
        return ""
    return str(values.get("license") or "") if isinstance(values, dict) else ""


def _hub_facts(section: ModelSection) -> ModelFacts:
    if cached := hub.complete_snapshot(section.id, section.revision):
        return folder_facts(cached, section.id)
    remote = hub.describe_remote(section)
    config = read_config(remote.folder)
    return _assemble(section.id, config, remote.headers, remote.licence, remote.chat_template)


def _assemble(
    source: str, config: dict[str, Any], headers: Headers | None, licence: str, template: bool
) -> ModelFacts:
    facts = _config_facts(config)
    weights = headers or Headers(shapes={}, dtype=facts.dtype, bytes_on_disk=0)
    tied = facts.tied_embeddings
    if tied is None:
        tied = not any(head in weights.shapes for head in _HEADS)
    shapes = {
        name: shape for name, shape in weights.shapes.items() if not (tied and name in _HEADS)
    }
    return ModelFacts(
        source=source,
        architecture=facts.architecture,
        model_type=facts.model_type,
        parameters=sum(math.prod(shape) for shape in shapes.values()),
        layers=facts.layers,
        hidden_size=facts.hidden_size,
        vocabulary=facts.vocabulary,
        context=facts.context,
        dtype=weights.dtype,
        bytes_on_disk=weights.bytes_on_disk,
        licence=licence,
        chat_template=template,
        tied_embeddings=tied,
        shapes=shapes,
    )


def _config_facts(config: dict[str, Any]) -> _ConfigFacts:
    """The facts in a config; of a multi-modal model, those of its language model."""
    text = {**config, **config.get("text_config", {})}
    architectures = config.get("architectures") or ["unknown"]
    return _ConfigFacts(
        architecture=str(architectures[0]),
        model_type=config["model_type"],
        layers=_first_number(text, _LAYERS),
        hidden_size=_first_number(text, _HIDDEN),
        vocabulary=_first_number(text, ("vocab_size",)),
        context=_first_number(text, _CONTEXT),
        dtype=str(text.get("dtype") or text.get("torch_dtype") or "unknown"),
        tied_embeddings=_tied_embeddings(config, text),
    )


def _tied_embeddings(config: dict[str, Any], text: dict[str, Any]) -> bool | None:
    """Whether head and embedding are one tensor; None where the config does not say."""
    tied = config.get("tie_word_embeddings", text.get("tie_word_embeddings"))
    if tied is None and config["model_type"] in TIED_BY_DEFAULT:
        return True
    return None if tied is None else bool(tied)


def _first_number(values: dict[str, Any], keys: tuple[str, ...]) -> int:
    return next((value for key in keys if isinstance(value := values.get(key), int)), 0)


def _why_no_config(folder: Path) -> str:
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        return f"an adapter, not a base model; {_base_of(adapter)}"
    files = sorted(path.name for path in folder.glob("*.gguf"))
    if files:
        return f"no config.json here; name the GGUF file itself, such as {files[0]}"
    return "not a model folder: it has no config.json"


def _base_of(adapter_config: Path) -> str:
    """What to name instead of an adapter."""
    try:
        base = json.loads(adapter_config.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        base = None
    if not base:
        return "name the base it was trained on"
    return f"name the base it was trained on, {base}, or merge it into that first"


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    config = folder / "tokenizer_config.json"
    return config.is_file() and '"chat_template"' in config.read_text(encoding="utf-8")
