"""What is known of a base model, read in well under a second and without torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import yaml

from workbench.models import hub, smollm2
from workbench.models.configs import describe, read_config
from workbench.models.conversion import converted_folder
from workbench.models.demo import demo_folder
from workbench.models.gguf_files import gguf_facts
from workbench.models.headers import Headers, read_headers
from workbench.models.model_facts import ModelFacts
from workbench.models.sources import kind_of, path_of
from workbench.models.store import is_complete

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.recipe.model import ModelSection

_HEADS = ("lm_head.weight", "embed_out.weight")


def read_facts(section: ModelSection) -> ModelFacts:
    """Describe a base model from its config and its weight headers.

    A model that has only pickled weights gets no shapes and 0 parameters: opening a pickle could
    run code.

    Raises:
        NotFoundError: There is no such model.
        BadInputError: Its config or its weights are broken.
        MachineError: It is not on this machine, and the hub cannot be reached.
    """
    match kind_of(section.id):
        case "demo":
            folder = demo_folder()
            return folder_facts(folder, section.id) if folder else smollm2.facts(section.id)
        case "gguf":
            file = path_of(section.id)
            converted = converted_folder(file)
            if is_complete(converted):
                return folder_facts(converted, section.id)
            return gguf_facts(file, section.id)
        case "folder":
            return folder_facts(path_of(section.id), section.id)
        case "hub":
            return _hub_facts(section)


def folder_facts(folder: Path, source: str) -> ModelFacts:
    """Describe the model in ``folder``.

    Raises:
        BadInputError: Its config or its weights are broken.
    """
    config = read_config(folder)
    return _assemble(
        source, config, read_headers(folder), licence_of(folder), _has_template(folder)
    )


def licence_of(folder: Path) -> str:
    """The licence that the front matter of ``README.md`` names, or nothing."""
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
    remote = hub.look_up(section)
    config = read_config(remote.folder)
    return _assemble(section.id, config, remote.headers, remote.licence, remote.chat_template)


def _assemble(
    source: str, config: dict[str, Any], headers: Headers | None, licence: str, template: bool
) -> ModelFacts:
    known = describe(config)
    found = headers or Headers(shapes={}, dtype=known.dtype, bytes_on_disk=0)
    tied = known.tied_embeddings
    if tied is None:
        tied = not any(head in found.shapes for head in _HEADS)
    shapes = {name: shape for name, shape in found.shapes.items() if not (tied and name in _HEADS)}
    return ModelFacts(
        source=source,
        architecture=known.architecture,
        model_type=known.model_type,
        parameters=sum(math.prod(shape) for shape in shapes.values()),
        layers=known.layers,
        hidden_size=known.hidden_size,
        vocabulary=known.vocabulary,
        context=known.context,
        dtype=found.dtype,
        bytes_on_disk=found.bytes_on_disk,
        licence=licence,
        chat_template=template,
        tied_embeddings=tied,
        shapes=shapes,
    )


def _has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    config = folder / "tokenizer_config.json"
    return config.is_file() and '"chat_template"' in config.read_text(encoding="utf-8")
