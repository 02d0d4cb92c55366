"""``ftwb data``: what a dataset looks like to a model, before training on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from workbench.cli.command import Command
from workbench.cli.output import emit_json, emit_table
from workbench.core.sanitize import visible
from workbench.recipe.data import MAX_DROPPED, DataFormat, parse_columns
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rich.text import Text

    from workbench.data.preview import Preview
    from workbench.data.rendering import Segment


@click.command(
    "data",
    cls=Command,
    group="Recipes, models and data",
    short_help="Show how a dataset is read and what is trained.",
)
@click.argument("source")
@click.option(
    "--model", default="demo", show_default=True, help="Model whose chat template is used."
)
@click.option(
    "--format",
    "data_format",
    type=click.Choice(get_args(DataFormat)),
    default="auto",
    show_default=True,
    help="Format of the rows; auto recognises it by their field names.",
)
@click.option(
    "--columns",
    default="",
    metavar="NAME=COLUMN,…",
    help="Columns that stand for usual fields, as in prompt=Question,completion=Reply.",
)
@click.option(
    "--max-dropped",
    type=click.FloatRange(0, 1),
    default=MAX_DROPPED,
    show_default=True,
    help="Share of the rows that may be blank or unusable.",
)
@click.option(
    "--sequence-length",
    type=click.IntRange(min=8),
    default=1024,
    show_default=True,
    help="Truncate rows to this many tokens.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    source: str,
    model: str,
    data_format: DataFormat,
    columns: str,
    max_dropped: float,
    sequence_length: int,
    as_json: bool,
) -> None:
    """Show what a dataset holds and which of its tokens are trained.

    SOURCE is a .jsonl, .json, .csv, .tsv, .txt or .parquet file, all but the last also as .gz or
    .zst, a folder in hub layout, a hub dataset as owner/name[/config][:split], or preset:NAME.
    """
    from workbench.data.preview import preview
    from workbench.data.rendering import Renderer
    from workbench.data.splitting import load_examples
    from workbench.models.loading import load_tokenizer

    mapping = parse_columns(columns)
    dataset = load_examples(source, data_format, columns=mapping, max_dropped=max_dropped)
    section = ModelSection(id=model)
    tokenizer = load_tokenizer(section, _model_folder(section))
    page = preview(source, dataset, Renderer(tokenizer, True, sequence_length))
    if as_json:
        emit_json(page)
    else:
        _print(page)


def _model_folder(section: ModelSection) -> Path:
    """Locate the model, with a bar on stderr while it is downloaded or converted."""
    from rich.console import Console
    from rich.progress import Progress

    from workbench.models.loading import locate

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("finding the model", total=None)
        return locate(
            section,
            lambda description, done, total: progress.update(
                bar, description=description, completed=done, total=total or None
            ),
        )


def _print(page: Preview) -> None:
    from rich.console import Console

    emit_table(("", "value"), _facts(page))
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(f"{page.unit} {page.example.number}: ⟦…⟧ is trained, the rest is context")
    console.print(_coloured(page.example.segments))


def _facts(page: Preview) -> Iterator[tuple[str, str]]:
    """The lines of the table; counts of zero are left out."""
    from workbench.data.rows import list_numbers

    percentiles = vars(page.lengths).items()
    yield "format", page.format
    yield "rows", f"{page.rows:,}"
    yield "tokens per row", "  ".join(f"{name} {length:,}" for name, length in percentiles)
    yield "trained tokens", f"{page.trained_tokens:,} of {page.tokens:,}"
    if page.unused:
        yield "unused fields", visible(", ".join(page.unused))
    for description, numbers in (
        ("empty, skipped", page.empty),
        ("duplicates", page.repeated),
        ("near duplicates", page.nearly_repeated),
        (f"truncated to {page.sequence_length:,} tokens", page.truncated),
        ("nothing to train after truncation", page.unlearnable),
    ):
        if numbers:
            yield description, f"{len(numbers):,}: {list_numbers(numbers, page.unit)}"
    if page.plain_template:
        yield "chat template", "none in the model; using a plain one (### User: …)"


def _coloured(segments: Iterable[Segment]) -> Text:
    from rich.text import Text

    text = Text()
    for segment in segments:
        if segment.trained:
            text.append(f"⟦{visible(segment.text)}⟧", style="bold green")
        else:
            text.append(visible(segment.text), style="dim")
    return text
