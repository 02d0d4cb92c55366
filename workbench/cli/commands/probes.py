"""``ftwb probes``: the probe suites that show what a model forgets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from workbench.cli.command import Command, json_option
from workbench.cli.output import emit_json, emit_table, narrate
from workbench.core.errors import BadInputError
from workbench.core.formatting import percent
from workbench.evaluation.suites.items import Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item
    from workbench.evaluation.suites.suites import Suite

_SIZES: tuple[Size, ...] = get_args(Size)

_EXAMPLE = """\b
Your own suite is a YAML file of three lines with its items beside it, one JSON object a line:
    measures: knowledge   # or behaviour, safety, information
    scorer: contains      # or options, exact, number, regex, constraints, diversity
    items: mine.jsonl     # {"id": "k1", "prompt": "Where is Oslo?", "answers": ["Norway"]}
The items may be any dataset; `fields: {prompt: question, answers: answer}` names its columns.

\b
The suite probes/mine.yaml in the ftwb home ($FTWB_HOME, or the platform's data folder) is listed as
`mine` and used in every run that names no suites; Alt+T in the split chat adds to it. Files
probes/packs/*.yaml there are prompt packs for the chat alone:
    title: My questions
    prompts: [{prompt: "Where is Oslo?", kind: geography}]
"""


@click.command(
    "probes",
    cls=Command,
    group="Evaluation",
    epilog=_EXAMPLE,
    short_help="List the probe suites, or check your own.",
)
@click.argument("name", required=False)
@click.option(
    "--size",
    type=click.Choice(_SIZES),
    default="full",
    show_default=True,
    help="Items to show or to look for; each size includes the smaller ones.",
)
@click.option(
    "--against",
    metavar="DATA",
    help="List the items that occur in this dataset, and could be memorised from it.",
)
@json_option
def command(name: str | None, size: Size, against: str | None, as_json: bool) -> None:
    """List the probe suites, or show NAME: a listed suite or a YAML file.

    If your own file has problems, each is printed with its line, and the exit code is 2.
    """
    from workbench.evaluation.suites.suites import named_suites

    if name:
        _validate(name, as_json=as_json)
    suites = named_suites([name] if name else [])
    if against:
        _compare(suites, size, against, as_json=as_json)
    elif name:
        _show(suites[0], size, as_json=as_json)
    else:
        _list(suites, as_json=as_json)


def _validate(name: str, *, as_json: bool) -> None:
    """Print every problem of a suite's items, one a line.

    Raises:
        BadInputError: There is one.
    """
    from workbench.evaluation.suites.suites import inspect_suite, suite_path

    _, read = inspect_suite(suite_path(name))
    if not read.faults:
        return
    if as_json:
        emit_json({"source": read.source, "problems": [fault._asdict() for fault in read.faults]})
    else:
        for fault in read.faults:
            narrate(f"{read.source}: {read.unit} {fault.number}: {fault.reason}")
    raise BadInputError(f"{name}: {len(read.faults):,} of its items are invalid; see above")


def _list(suites: Sequence[Suite], *, as_json: bool) -> None:
    if as_json:
        emit_json([_facts(suite) for suite in suites])
        return
    counts = [[len(suite.items_at(size)) for size in _SIZES] for suite in suites]
    rows: list[tuple[object, ...]] = [
        (suite.name, suite.measures, suite.scorer.kind, *sizes, suite.description)
        for suite, sizes in zip(suites, counts, strict=True)
    ]
    total = [sum(column) for column in zip(*counts, strict=True)]
    emit_table(("suite", "measures", "scorer", *_SIZES, ""), [*rows, ("all", "", "", *total, "")])


def _show(suite: Suite, size: Size, *, as_json: bool) -> None:
    items = suite.items_at(size)
    if as_json:
        emit_json({**_facts(suite), "items": items})
        return
    sizes = "  ".join(f"{size} {len(suite.items_at(size)):,}" for size in _SIZES)
    emit_table(
        ("", "value"),
        [
            ("suite", f"{suite.title}: {suite.description}" if suite.description else suite.title),
            ("measures", suite.measures),
            ("scorer", _scorer(suite)),
            ("items", sizes),
            ("chance level", percent(suite.chance(items))),
            ("longest answer", f"{suite.new_tokens:,} tokens"),
        ],
    )
    emit_table(
        ("id", "size", "field", "prompt", "expected"),
        [(item.id, item.size, item.field, item.prompt, _expected(item)) for item in items],
    )


def _scorer(suite: Suite) -> str:
    """Its kind, with its settings if it has any."""
    settings = suite.scorer.model_dump(exclude={"kind"})
    return " ".join([suite.scorer.kind, *(f"({name} {value})" for name, value in settings.items())])


def _expected(item: Item) -> str:
    """The accepted answers, or the checks that an answer must pass."""
    return " | ".join(item.answers) or ", ".join(check["kind"] for check in item.constraints)


def _compare(suites: Sequence[Suite], size: Size, source: str, *, as_json: bool) -> None:
    from workbench.data.splitting import load_examples
    from workbench.evaluation.analysis.contamination import contaminated_items, example_texts

    contaminated = contaminated_items(suites, size, example_texts(load_examples(source).rows))
    if as_json:
        emit_json({"against": source, "contaminated": contaminated})
        return
    emit_table(("items found in the data",), [(key,) for key in contaminated])
    total = sum(len(suite.items_at(size)) for suite in suites)
    narrate(f"{len(contaminated):,} of {total:,} items overlap with {Path(source).name}")


def _facts(suite: Suite) -> dict[str, Any]:
    return {
        "name": suite.name,
        "title": suite.title,
        "description": suite.description,
        "measures": suite.measures,
        "scorer": suite.scorer.model_dump(),
        "new_tokens": suite.new_tokens,
        "chance": suite.chance(suite.items),
        "items_per_size": {size: len(suite.items_at(size)) for size in _SIZES},
    }
