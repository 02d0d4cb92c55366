"""``ftwb chats``: list and search past exchanges of the split chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from workbench.cli.command import Command
from workbench.cli.output import emit_json, emit_table, narrate
from workbench.core.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workbench.chat.transcripts import ExchangeRecord
    from workbench.runs.folder import RunFolder

_EXCERPT = 48
"""Characters of a text in the table."""


class Exchange(NamedTuple):
    """One prompt with its answers.

    Attributes:
        run: Id of the run it was held with.
        number: Its position among the exchanges of that run, from 1.
        record: What was saved of it.
    """

    run: str
    number: int
    record: ExchangeRecord


@click.command("chats", cls=Command, group="Chat", short_help="List and search past exchanges.")
@click.argument("run", required=False)
@click.option("--search", default="", help="List only exchanges that contain all these words.")
@click.option("--show", type=click.IntRange(min=1), help="Print exchange N of RUN as Markdown.")
@click.option("--md", "as_md", is_flag=True, help="Print the listed exchanges as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with full answers.")
@click.pass_obj
def command(
    root: Path,
    run: str | None,
    *,
    search: str,
    show: int | None,
    as_md: bool,
    as_json: bool,
) -> None:
    """List and search the exchanges of all chats, or those with RUN, newest first.

    RUN is an id, a unique part of one, or 'last'. Every chat is saved in the folder of its run as
    it happens.
    """
    from workbench.runs.folder import Runs

    if show and run is None:
        raise BadInputError("--show needs a run: ftwb chats RUN --show N; list with 'ftwb chats'")
    folders = Runs(root).list() if run is None else [Runs(root).find(run)]
    words = search.split()
    exchanges = [
        exchange
        for folder in folders
        for exchange in _exchanges(folder)
        if exchange.record.contains(words)
    ]
    if show:
        exchanges = [_numbered(exchanges, show)]
    if as_json:
        emit_json([_as_data(exchange) for exchange in exchanges])
    elif not exchanges:
        narrate("no exchange matches" if search else "no chats yet; start one with: ftwb chat RUN")
    elif show or as_md:
        _print_pages(exchanges)
    else:
        _print_table(exchanges)


def _exchanges(run: RunFolder) -> Iterator[Exchange]:
    """Number the exchanges of a run, newest first."""
    from workbench.chat.transcripts import read_transcripts

    records = read_transcripts(run)
    for number in range(len(records), 0, -1):
        yield Exchange(run.id, number, records[number - 1])


def _numbered(exchanges: Sequence[Exchange], number: int) -> Exchange:
    for exchange in exchanges:
        if exchange.number == number:
            return exchange
    raise NotFoundError(f"there is no exchange {number}; 'ftwb chats RUN' shows their numbers")


def _as_data(exchange: Exchange) -> dict[str, Any]:
    return {
        "run": exchange.run,
        "number": exchange.number,
        **exchange.record.model_dump(mode="json"),
    }


def _print_pages(exchanges: Sequence[Exchange]) -> None:
    from workbench.chat.transcript_pages import as_markdown

    for exchange in exchanges:
        click.echo(as_markdown(exchange.record, f"{exchange.run}, exchange {exchange.number}"))


def _print_table(exchanges: Sequence[Exchange]) -> None:
    """Print one line per exchange; answers of further lanes are on its page."""
    emit_table(
        ("run", "#", "when", "prompt", "base", "tuned"),
        [
            (
                exchange.run,
                exchange.number,
                exchange.record.when,
                _excerpt(exchange.record.prompt),
                *(_answer(exchange.record, lane) for lane in ("base", "tuned")),
            )
            for exchange in exchanges
        ],
    )


def _answer(record: ExchangeRecord, lane: str) -> str:
    return _excerpt(record.answers[lane].text) if lane in record.answers else "(lost)"


def _excerpt(text: str) -> str:
    line = " ".join(text.split()) or "(empty)"
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 1]}…"
