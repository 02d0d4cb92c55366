"""A probe suite's two files: a few lines of YAML, and the items in any form that can be read."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from workbench.core.errors import BadInputError
from workbench.data.hub import is_hub_id
from workbench.data.reading import is_data_file_name, read_rows, row_unit
from workbench.data.rows import RowFault, UnfitRowError, json_type
from workbench.evaluation.suites.items import Item, Measures, Size
from workbench.evaluation.suites.scorer import Scorer
from workbench.recipe import yaml_io
from workbench.recipe.base import Section, field
from workbench.recipe.registry import defined_in
from workbench.recipe.validation_errors import problems_of

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.data.rows import Row

SCORERS: dict[str, type[Scorer]] = {
    cls.model_fields["kind"].default: cls
    for cls in defined_in("workbench.evaluation.suites.scorers", Scorer)
    if not inspect.isabstract(cls)
}

if TYPE_CHECKING:
    AnyScorer = Scorer
else:
    AnyScorer = Annotated[reduce(or_, SCORERS.values()), Field(discriminator="kind")]

_ItemField = Literal["id", "prompt", "options", "labels", "answers", "field", "size", "constraints"]


class SuiteFile(Section):
    """What a suite's YAML says."""

    title: str = field("", title="Title", help="For people; without one the file's name.")
    description: str = field("", title="Description", help="One sentence.")
    measures: Measures = field(
        title="Measures", help="What a fall of the score means; information is never judged."
    )
    scorer: AnyScorer = field(title="Scorer", help="How answers become scores.")
    items: str = field(
        title="Items",
        help="A file beside this one, or any dataset that can be trained on.",
        min_length=1,
    )
    fields: dict[_ItemField, str] = field(
        {},
        title="Fields",
        help="For foreign data: which column holds an item's field, as in 'options: choices.text'. "
        "'labels' are the options' names where answers are such names; other columns are ignored.",
    )
    size: Size = field(
        "quick", title="Size", help="The smallest size that asks the items that do not say."
    )
    new_tokens: int = field(
        64, title="New tokens", help="Longest answer.", unit="tokens", ge=1, le=100_000
    )


@dataclass(frozen=True)
class ReadItems:
    """The items that could be read and what is wrong with the others.

    Attributes:
        source: Where they stand.
        unit: What the faults' numbers count: ``line`` or ``row``.
        items: In their order.
        faults: In the order of the rows.
    """

    source: str
    unit: str
    items: tuple[Item, ...]
    faults: tuple[RowFault, ...]


def read_suite_file(path: Path) -> SuiteFile:
    """Read a suite's YAML.

    Raises:
        BadInputError: It cannot be read or a field is wrong; the line is named.
    """
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise BadInputError(
            f"{path}: a suite is a YAML file of a few lines that names its items; "
            "`ftwb probes --help` shows one"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}") from error
    values = yaml_io.parse(text, source=str(path), what="a suite")
    if isinstance(values.get("scorer"), str):
        values["scorer"] = {"kind": values["scorer"]}
    try:
        return SuiteFile.model_validate(values)
    except ValidationError as error:
        lines = _lines_of_keys(text)
        told = [
            f"line {lines.get(problem.path.partition('.')[0], 1)}: {problem}"
            for problem in problems_of(error, SuiteFile)
        ]
        raise BadInputError(f"{path}: {'; '.join(told)}") from error


def read_items(file: SuiteFile, folder: Path) -> ReadItems:
    """Read the items of a suite and let its scorer check each.

    Raises:
        FtwbError: Their source cannot be read at all, as told by ``read_rows``.
    """
    source = _source(file.items, folder)
    items: list[Item] = []
    faults: list[RowFault] = []
    lines: dict[str, int] = {}
    unit = row_unit(source)
    for row in read_rows(source):
        try:
            item = _item(row, file, unit)
            file.scorer.check(item)
        except (UnfitRowError, BadInputError) as error:
            faults.append(RowFault(row.number, str(error)))
            continue
        if item.id in lines:
            faults.append(
                RowFault(row.number, f"item {item.id!r}: stands already in {unit} {lines[item.id]}")
            )
        lines.setdefault(item.id, row.number)
        items.append(item)
    return ReadItems(source, unit, tuple(items), tuple(faults))


def _lines_of_keys(text: str) -> dict[str, int]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return {key.value: key.start_mark.line + 1 for key, _ in pairs}


def _source(items: str, folder: Path) -> str:
    """A file beside the suite, else what was written where it can only be a dataset's name."""
    beside = folder / items
    foreign = items.startswith("preset:") or (is_hub_id(items) and not is_data_file_name(items))
    return items if foreign and not beside.exists() else str(beside)


def _item(row: Row, file: SuiteFile, unit: str) -> Item:
    values = {"id": f"{unit}-{row.number}", "size": file.size, **_named(row.values, file.fields)}
    labels = values.pop("labels", None)
    values["id"] = str(values["id"])
    values["answers"] = _answers(values.get("answers"), values.get("options"), labels)
    values["options"] = tuple(map(_text, _listed(values.get("options"))))
    try:
        return Item.model_validate(values)
    except ValidationError as error:
        told = "; ".join(map(str, problems_of(error, Item)))
        raise UnfitRowError(f"item {values['id']!r}: {told}") from error


def _named(row: Mapping[str, object], fields: Mapping[_ItemField, str]) -> dict[str, object]:
    """The row's values under the names of an item's fields."""
    if not fields:
        return dict(row)
    columns: dict[str, str] = {name: name for name in Item.model_fields if name in row}
    return {name: _column(row, column) for name, column in (columns | dict(fields)).items()}


def _column(row: Mapping[str, object], path: str) -> object:
    """The value of a column, or of a field in it: ``choices.text``."""
    value: object = row
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise UnfitRowError(f"no column {path!r}; there are {', '.join(map(repr, row))}")
        value = value[name]
    return value


def _answers(answers: object, options: object, labels: object) -> tuple[str, ...]:
    """Right answers as texts; a label, a letter or a number (from 0) becomes its option."""
    choices, names = _listed(options), _listed(labels)
    return tuple(_answer(answer, choices, names) for answer in _listed(answers))


def _answer(answer: object, options: list[object], labels: list[object]) -> str:
    if answer in labels and len(labels) == len(options):
        return _text(options[labels.index(answer)])
    place = None if answer in options else _place(answer)
    return _text(options[place] if place is not None and place < len(options) else answer)


def _place(answer: object) -> int | None:
    text = str(answer)
    if text.isdecimal():
        return int(text)
    return ord(text) - ord("A") if len(text) == 1 and "A" <= text <= "Z" else None


def _text(value: object) -> str:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise UnfitRowError(f"an option or answer is {json_type(value)}, not text")


def _listed(value: object) -> list[object]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
