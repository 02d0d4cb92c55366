"""The preview of a dataset, read in a separate process and written for a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

from workbench.core.sanitize import visible
from workbench.recipe.sources import parse_sources
from workbench.tui.ftwb_process import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_ROW_NUMBERS = 6
_PROBLEMS = (
    ("empty", "empty, skipped"),
    ("repeated", "duplicates"),
    ("nearly_repeated", "near duplicates"),
    ("truncated", "truncated"),
    ("divided", "cut into pieces"),
    ("unlearnable", "no trained token"),
)


async def preview_text(values: Mapping[str, Any]) -> Content:
    """Read the dataset that the form names, and describe it.

    Raises:
        FtwbError: The dataset or the model cannot be read.
    """
    data, model, training = values["data"], values["model"], values["training"]
    pages = []
    for source in _sources(data["train"]):
        preview = await read_json(
            *("data", source, "--model", model["id"], "--format", data["format"]),
            *("--columns", data["columns"], "--max-dropped", data["max_dropped"]),
            *("--sequence-length", training["sequence_length"], "--json"),
        )
        pages.append(describe(preview))
    return Content("\n\n\n").join(pages)


def _sources(train: str) -> list[str]:
    """The datasets that the form names; what is wrong with the text is said where it is read."""
    try:
        return [source.name for source in parse_sources(train)]
    except ValueError:
        return [train]


def describe(preview: Mapping[str, Any]) -> Content:
    """Write a preview: format and lengths, problems, and one row as the model will see it."""
    lengths = "   ".join(f"{name} {value:,}" for name, value in preview["lengths"].items())
    trained = f"{preview['trained_tokens']:,} of {preview['tokens']:,}"
    if preview["sampled"] < preview["rows"]:
        trained += f", estimated from a random sample of {preview['sampled']:,} rows"
    lines = [
        _line("dataset", visible(preview["source"])),
        _line("format", str(preview["format"])),
        _line("rows", f"{preview['rows']:,}"),
        _line("tokens per row", lengths),
        _line("trained tokens", trained),
        _line("held out by", f"{preview['groups']:,} groups of rows that say nearly the same"),
        *_unused(preview),
        *_dropped(preview),
        *(_problem(preview, key, label) for key, label in _PROBLEMS if preview[key]),
    ]
    return Content.assemble(
        Content("\n").join(lines),
        ("\n\none row: the highlighted text is trained on, the rest is only context\n\n", "dim"),
        _row(preview),
    )


def _problem(preview: Mapping[str, Any], key: str, label: str) -> Content:
    numbers = preview[key]
    named = ", ".join(map(str, numbers[:_MAX_ROW_NUMBERS])) + (
        " …" if len(numbers) > _MAX_ROW_NUMBERS else ""
    )
    return _line(label, f"{len(numbers):,}: {preview['unit']} {named}")


def _unused(preview: Mapping[str, Any]) -> list[Content]:
    names = visible(", ".join(preview["unused"]))
    return [_line("unused fields", names)] if names else []


def _dropped(preview: Mapping[str, Any]) -> list[Content]:
    """The rows that were dropped, with the reason of the first of them."""
    if not preview["dropped"]:
        return []
    number, reason = preview["dropped"][0]
    count = f"{len(preview['dropped']):,}: {preview['unit']} {number}: {reason}"
    return [_line("dropped", visible(count))]


def _row(preview: Mapping[str, Any]) -> Content:
    segments = preview["example"]["segments"]
    return Content.assemble(
        *(
            (visible(part["text"]), "bold $success" if part["trained"] else "dim")
            for part in segments
        )
    )


def _line(label: str, value: str) -> Content:
    return Content.assemble((label.ljust(18), "dim"), value)
