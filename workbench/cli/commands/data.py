"""``ftwb data``: what a dataset looks like to a model, before training on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from workbench.cli.command import Command
from workbench.cli.output import emit_json, emit_table
from workbench.core.sanitize import visible
from workbench.recipe.columns import parse_columns
from workbench.recipe.data import MAX_DROPPED, DataFormat
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rich.text import Text

    from workbench.data.preview import Preview, RenderedRow
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
@click.option(
    "--row",
    "number",
    type=click.IntRange(min=1),
    metavar="N",
    help="Show only the row at this line, or this position, as the model will see it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    source: str,
    model: str,
    data_format: DataFormat,
    columns: str,
    max_dropped: float,
    sequence_length: int,
    number: int | None,
    as_json: bool,
) -> None:
    """Show what a dataset holds and which of its tokens are trained.

    SOURCE is a .jsonl, .json, .csv, .tsv, .txt or .parquet file, all but the last also as .gz or
    .zst, a folder in hub layout, a hub dataset as owner/name[/config][:split], or preset:NAME.
    """
    from workbench.data.preview import preview, preview_row
    from workbench.data.reading import row_unit
    from workbench.data.rendering import Renderer
    from workbench.data.splitting import load_examples
    from workbench.models.loading import load_tokenizer

    mapping = parse_columns(columns)
    dataset = load_examples(source, data_format, columns=mapping, max_dropped=max_dropped)
    section = ModelSection(id=model)
    tokenizer = load_tokenizer(section, _model_folder(section))
    renderer = Renderer(tokenizer, True, sequence_length)
    if number is not None:
        row = preview_row(source, dataset, renderer, number)
        emit_json(row) if as_json else _print_row(row, row_unit(source))
        return
    page = preview(source, dataset, renderer)
    if as_json:
        emit_json(page)
    else:
        emit_table(("", "value"), _facts(page))
        _print_row(page.example, page.unit)


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


def _print_row(row: RenderedRow, unit: str) -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False, soft_wrap=True)
    if row.segments:
        console.print(
            f"{unit} {row.number}: ⟦…⟧ is trained, the rest is context; {row.trained_tokens:,} of "
            f"{len(row.input_ids):,} tokens are trained"
        )
    for note in row.notes:
        console.print(f"{unit} {row.number}: {note}")
    console.print(_coloured(row.segments))


def _facts(page: Preview) -> Iterator[tuple[str, str]]:
    """The lines of the table; counts of zero are left out."""
    from workbench.data.rows import list_numbers

    percentiles = vars(page.lengths).items()
    about, sampled = ("", "") if page.exact else ("about ", _sampled(page))
    yield "format", page.format
    yield "rows", f"{page.rows:,}"
    yield "tokens per row", "  ".join(f"{name} {length:,}" for name, length in percentiles)
    yield "trained tokens", f"{about}{page.trained_tokens:,} of {page.tokens:,}{sampled}"
    yield "held out by", _groups(page)
    if page.unused:
        yield "unused fields", visible(", ".join(page.unused))
    for reason in dict.fromkeys(fault.reason for fault in page.dropped):
        lost = [fault.number for fault in page.dropped if fault.reason == reason]
        yield "dropped", visible(f"{len(lost):,}: {list_numbers(lost, page.unit)}: {reason}")
    for description, numbers in (
        ("empty, skipped", page.empty),
        ("duplicates", page.repeated),
        ("near duplicates", page.nearly_repeated),
        (f"truncated to {page.sequence_length:,} tokens", page.truncated),
        (f"cut into pieces of {page.sequence_length:,} tokens", page.divided),
        ("nothing to train after truncation", page.unlearnable),
    ):
        if numbers:
            yield description, f"{len(numbers):,}: {list_numbers(numbers, page.unit)}"
    for note, rows in page.notes.items():
        yield "note", f"{len(rows):,}: {list_numbers(rows, page.unit)}: {note}"
    if page.plain_template:
        yield "chat template", "none in the model; using a plain one (### User: …)"


def _sampled(page: Preview) -> str:
    if page.sampled == page.rows:
        return ", estimated from the beginnings of its texts"
    return f", estimated from a random sample of {page.sampled:,} rows; so are cut rows below"


def _groups(page: Preview) -> str:
    """How rows are held out: near duplicates together."""
    alike = "near duplicates" if page.groups_by_words else "copies (too many rows to compare words)"
    return f"{page.rows:,} rows in {page.groups:,} groups; {alike} stay on one side"


def _coloured(segments: Iterable[Segment]) -> Text:
    from rich.text import Text

    text = Text()
    for segment in segments:
        if segment.trained:
            text.append(f"⟦{visible(segment.text)}⟧", style="bold green")
        else:
            text.append(visible(segment.text), style="dim")
    return text
