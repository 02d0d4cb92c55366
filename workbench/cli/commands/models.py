"""``ftwb models``: the available base models, and the facts of one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, emit_table

if TYPE_CHECKING:
    from workbench.models.finding import ModelEntry
    from workbench.models.model_facts import ModelFacts

_PENDING = {"demo": "downloaded on first use", "gguf": "converted on first use"}


@click.command(
    "models",
    cls=Command,
    group="Recipes, models and data",
    short_help="List the base models on this machine.",
)
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the base models on this machine, or describe NAME.

    NAME is demo, a hub id, a folder or a GGUF file.
    """
    if name:
        _describe(name, as_json=as_json)
    else:
        _list(as_json=as_json)


def _list(*, as_json: bool) -> None:
    from workbench.models.finding import list_models

    entries = list_models()
    if as_json:
        emit_json([asdict(entry) for entry in entries])
    else:
        emit_table(("model", "source", "size", ""), [_row(entry) for entry in entries])


def _describe(name: str, *, as_json: bool) -> None:
    from workbench.models.describing import read_facts
    from workbench.recipe.model import ModelSection

    facts = read_facts(ModelSection(id=name))
    if as_json:
        emit_json(facts.model_dump(exclude={"shapes"}))
    else:
        emit_table(("", "value"), _fact_rows(facts))


def _row(entry: ModelEntry) -> tuple[str, str, str, str]:
    note = "" if entry.ready else _PENDING[entry.kind]
    return entry.id, entry.kind, _size(entry.bytes_on_disk), note


def _fact_rows(facts: ModelFacts) -> list[tuple[str, str]]:
    unknown = "unknown: the weights are not safetensors"
    return [
        ("model", facts.source),
        ("architecture", f"{facts.architecture} ({facts.model_type})"),
        ("parameters", f"{facts.parameters:,}" if facts.parameters else unknown),
        ("layers", f"{facts.layers:,}"),
        ("hidden size", f"{facts.hidden_size:,}"),
        ("vocabulary", f"{facts.vocabulary:,}"),
        ("context", f"{facts.context:,} tokens" if facts.context else "not stated"),
        ("dtype", facts.dtype),
        ("size on disk", _size(facts.bytes_on_disk)),
        ("licence", facts.licence or "not stated"),
        ("chat template", "yes" if facts.chat_template else "no"),
        ("tied embeddings", "yes" if facts.tied_embeddings else "no"),
    ]


def _size(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size else "-"
