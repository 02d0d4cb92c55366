"""``ftwb chats``: what was asked and answered in the split chat, found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from workbench.cli.output import emit_json, emit_table, narrate
from workbench.core.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workbench.chat.transcripts import ExchangeRecord
    from workbench.runs.folder import RunFolder

_GLIMPSE = 48
"""Characters of a text in the table."""


class Exchange(NamedTuple):
    """A record and where it is found: its number counts the exchanges of its run from 1."""

    run: str
    number: int
    record: ExchangeRecord


@click.command("chats")
@click.argument("run", required=False)
@click.option("--search", default="", help="Only exchanges that hold all these words.")
@click.option("--show", type=click.IntRange(min=1), help="Print exchange N of RUN as Markdown.")
@click.option("--md", "as_md", is_flag=True, help="Print all that was found as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with whole answers.")
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

    RUN is an id, a unique part of one, or 'last'. Every chat is kept in the folder of its run
    while it is held.
    """
    from workbench.runs.folder import Runs

    if show and run is None:
        raise BadInputError("--show needs the run: ftwb chats RUN --show N; 'ftwb chats' lists")
    asked = Runs(root).list() if run is None else [Runs(root).find(run)]
    found = [
        each for one in asked for each in _exchanges(one) if each.record.contains(search.split())
    ]
    if show:
        found = [_numbered(found, show)]
    if as_json:
        emit_json([_as_data(each) for each in found])
    elif not found:
        narrate("no exchange holds that" if search else "no chat was held yet: ftwb chat RUN")
    elif show or as_md:
        _print_pages(found)
    else:
        _print_table(found)


def _exchanges(run: RunFolder) -> Iterator[Exchange]:
    """Number the exchanges of a run, the newest first."""
    from workbench.chat.transcripts import read_transcripts

    records = read_transcripts(run)
    for number in range(len(records), 0, -1):
        yield Exchange(run.id, number, records[number - 1])


def _numbered(found: Sequence[Exchange], number: int) -> Exchange:
    for each in found:
        if each.number == number:
            return each
    raise NotFoundError(f"there is no exchange {number}; 'ftwb chats RUN' numbers them")


def _as_data(exchange: Exchange) -> dict[str, Any]:
    return {
        "run": exchange.run,
        "number": exchange.number,
        **exchange.record.model_dump(mode="json"),
    }


def _print_pages(found: Sequence[Exchange]) -> None:
    from workbench.chat.transcript_pages import as_markdown

    for each in found:
        click.echo(as_markdown(each.record, f"{each.run}, exchange {each.number}"))


def _print_table(found: Sequence[Exchange]) -> None:
    """Print a line an exchange; lanes beside the usual two stand on its page."""
    emit_table(
        ("run", "#", "when", "prompt", "base", "tuned"),
        [
            (
                each.run,
                each.number,
                each.record.when,
                _glimpse(each.record.prompt),
                *(_answer(each.record, lane) for lane in ("base", "tuned")),
            )
            for each in found
        ],
    )


def _answer(record: ExchangeRecord, lane: str) -> str:
    return _glimpse(record.answers[lane].text) if lane in record.answers else "(lost)"


def _glimpse(text: str) -> str:
    flat = " ".join(text.split()) or "(empty)"
    return flat if len(flat) <= _GLIMPSE else f"{flat[: _GLIMPSE - 1]}…"
