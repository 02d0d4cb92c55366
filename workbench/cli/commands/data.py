"""``ftwb data``: what a dataset will be to a model, before training on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from workbench.cli.output import emit_json, emit_table
from workbench.core.sanitize import visible
from workbench.recipe.data import DataFormat
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rich.text import Text

    from workbench.data.preview import Preview
    from workbench.data.rendering import Segment


@click.command("data")
@click.argument("source")
@click.option("--model", default="demo", show_default=True, help="Whose chat template and tokens.")
@click.option(
    "--format",
    "data_format",
    type=click.Choice(get_args(DataFormat)),
    default="auto",
    show_default=True,
    help="auto recognises it by the names of the fields.",
)
@click.option(
    "--sequence-length",
    type=click.IntRange(min=8),
    default=1024,
    show_default=True,
    help="Rows are cut to this many tokens.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    source: str, model: str, data_format: DataFormat, sequence_length: int, as_json: bool
) -> None:
    """Show what a dataset holds and which of its tokens would be learned.

    SOURCE is a .json, .jsonl, .csv, .parquet or .txt file, a hub dataset as
    owner/name[/config][:split], or preset:NAME.
    """
    from workbench.data.preview import preview
    from workbench.data.rendering import Renderer
    from workbench.data.splitting import load_examples
    from workbench.models.loading import load_tokenizer

    dataset = load_examples(source, data_format)
    section = ModelSection(id=model)
    tokenizer = load_tokenizer(section, _folder_of(section))
    found = preview(source, dataset, Renderer(tokenizer, True, sequence_length))
    if as_json:
        emit_json(found)
    else:
        _print(found)


def _folder_of(section: ModelSection) -> Path:
    """Where the model lies, with a bar on stderr while it is fetched or converted."""
    from rich.console import Console
    from rich.progress import Progress

    from workbench.models.loading import locate

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("finding the model", total=None)
        return locate(
            section,
            lambda what, done, total: progress.update(
                bar, description=what, completed=done, total=total or None
            ),
        )


def _print(found: Preview) -> None:
    from rich.console import Console

    emit_table(("what", "value"), _facts(found))
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(f"{found.unit} {found.example.number}: ⟦…⟧ is learned, the rest is only read")
    console.print(_coloured(found.example.segments))


def _facts(found: Preview) -> Iterator[tuple[str, str]]:
    """The lines of the table; what is not there (no empty rows, say) has no line."""
    from workbench.data.rows import list_numbers

    percentiles = vars(found.lengths).items()
    yield "format", found.format
    yield "rows", f"{found.rows:,}"
    yield "tokens in a row", "  ".join(f"{name} {length:,}" for name, length in percentiles)
    yield "learned tokens", f"{found.trained_tokens:,} of {found.tokens:,}"
    if found.unused:
        yield "not shown to the model", visible(", ".join(found.unused))
    for what, numbers in (
        ("empty, left out", found.empty),
        ("repeated", found.repeated),
        ("nearly repeated", found.nearly_repeated),
        (f"cut at {found.sequence_length:,} tokens", found.truncated),
        ("nothing left to learn", found.unlearnable),
    ):
        if numbers:
            yield what, f"{len(numbers):,}: {list_numbers(numbers, found.unit)}"
    if found.plain_template:
        yield "chat template", "the model has none; a plain one stands in (### User: …)"


def _coloured(segments: Iterable[Segment]) -> Text:
    from rich.text import Text

    shown = Text()
    for segment in segments:
        if segment.trained:
            shown.append(f"⟦{visible(segment.text)}⟧", style="bold green")
        else:
            shown.append(visible(segment.text), style="dim")
    return shown
