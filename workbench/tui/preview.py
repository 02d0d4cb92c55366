"""The preview of a dataset, read by a process of its own and written for a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

from workbench.core.sanitize import visible
from workbench.tui.ftwb_process import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERS = 6
_FINDINGS = (
    ("empty", "empty, left out"),
    ("repeated", "repeated"),
    ("nearly_repeated", "nearly repeated"),
    ("truncated", "cut"),
    ("unlearnable", "nothing left to learn"),
)


async def preview_text(values: Mapping[str, Any]) -> Content:
    """Read the dataset that the values of a form name and describe it.

    Raises:
        FtwbError: The dataset or the model cannot be read; the text says why.
    """
    data, model, training = values["data"], values["model"], values["training"]
    return describe(
        await read_json(
            *("data", data["train"], "--model", model["id"], "--format", data["format"]),
            *("--sequence-length", training["sequence_length"], "--json"),
        )
    )


def describe(found: Mapping[str, Any]) -> Content:
    """Write a preview: what was found, what is wrong, and one row as the model will see it."""
    lengths = "   ".join(f"{name} {value:,}" for name, value in found["lengths"].items())
    learned = f"{found['trained_tokens']:,} of {found['tokens']:,}"
    lines = [
        _line("format", str(found["format"])),
        _line("rows", f"{found['rows']:,}"),
        _line("tokens in a row", lengths),
        _line("learned tokens", learned),
        *(_finding(found, key, label) for key, label in _FINDINGS if found[key]),
    ]
    head = Content("\n").join(lines)
    return Content.assemble(
        head,
        ("\n\none row: what stands out is learned, the rest is only read\n\n", "dim"),
        _row(found),
    )


def _finding(found: Mapping[str, Any], key: str, label: str) -> Content:
    numbers = found[key]
    named = ", ".join(map(str, numbers[:_NUMBERS])) + (" …" if len(numbers) > _NUMBERS else "")
    return _line(label, f"{len(numbers):,}: {found['unit']} {named}")


def _row(found: Mapping[str, Any]) -> Content:
    segments = found["example"]["segments"]
    return Content.assemble(
        *(
            (visible(part["text"]), "bold $success" if part["trained"] else "dim")
            for part in segments
        )
    )


def _line(label: str, value: str) -> Content:
    return Content.assemble((label.ljust(18), "dim"), value)
