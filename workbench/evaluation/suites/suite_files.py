"""Reading a probe suite's two files: a few lines of YAML, and the items in any dataset format."""

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
from workbench.data.reading import is_data_file_name, iter_rows, row_unit
from workbench.data.rows import RowFault, UnfitRowError, json_type
from workbench.evaluation.suites.items import Item, Measures, Size
from workbench.evaluation.suites.scorer import Scorer
from workbench.recipe import yaml_io
from workbench.recipe.base import Section, Source, field
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

_ItemField = Literal[
    "id", "prompt", "options", "labels", "answers", "field", "cluster", "size", "constraints"
]


class SuiteFile(Section):
    """The fields of a suite's YAML."""

    title: str = field("", title="Title", help="Name to display [default: the file's name].")
    description: str = field("", title="Description", help="One sentence.")
    measures: Measures = field(
        title="Measures", help="What a drop of the score means; information is never judged."
    )
    scorer: AnyScorer = field(title="Scorer", help="How answers become scores.")
    items: Source = field(
        title="Items",
        help="A file in the same folder, or any dataset that can be trained on.",
    )
    fields: dict[_ItemField, str] = field(
        {},
        title="Fields",
        help="For other datasets: which column holds a field of an item, as in 'options: "
        "choices.text'. 'labels' are the names of the options if answers are given by name; other "
        "columns are ignored.",
    )
    size: Size = field(
        "quick", title="Size", help="Smallest suite size that includes items without a size."
    )
    new_tokens: int = field(
        64, title="New tokens", help="Longest answer.", unit="tokens", ge=1, le=100_000
    )


@dataclass(frozen=True)
class ReadItems:
    """The items that could be read, and what is wrong with the others.

    Attributes:
        source: The file or dataset they come from.
        unit: What row numbers count: ``line`` or ``row``.
        items: Valid items in their order.
        faults: Problems in the order of the rows.
    """

    source: str
    unit: str
    items: tuple[Item, ...]
    faults: tuple[RowFault, ...]


def read_suite_file(path: Path) -> SuiteFile:
    """Read a suite's YAML.

    Raises:
        BadInputError: It cannot be read or a field is wrong; the message names the line.
    """
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise BadInputError(
            f"{path}: a suite is a short YAML file that names its items; "
            "'ftwb probes --help' shows an example"
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
        messages = [
            f"line {lines.get(problem.path.partition('.')[0], 1)}: {problem}"
            for problem in problems_of(error, SuiteFile)
        ]
        raise BadInputError(f"{path}: {'; '.join(messages)}") from error


def read_items(file: SuiteFile, folder: Path) -> ReadItems:
    """Read the items of a suite and have its scorer check each.

    Raises:
        FtwbError: Their source cannot be read at all; see ``iter_rows``.
    """
    source = _item_source(file.items, folder)
    items: list[Item] = []
    faults: list[RowFault] = []
    lines: dict[str, int] = {}
    unit = row_unit(source)
    for row in iter_rows(source):
        try:
            item = _parse_item(row, file, unit)
            file.scorer.check(item)
        except (UnfitRowError, BadInputError) as error:
            faults.append(RowFault(row.number, str(error)))
            continue
        if item.id in lines:
            duplicate = f"item {item.id!r}: duplicate id, first used in {unit} {lines[item.id]}"
            faults.append(RowFault(row.number, duplicate))
        lines.setdefault(item.id, row.number)
        items.append(item)
    return ReadItems(source, unit, tuple(items), tuple(faults))


def _lines_of_keys(text: str) -> dict[str, int]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return {key.value: key.start_mark.line + 1 for key, _ in pairs}


def _item_source(items: str, folder: Path) -> str:
    """A file in the suite's folder, or the text as given if it can only be a dataset's name."""
    local = folder / items
    is_dataset = items.startswith("preset:") or (is_hub_id(items) and not is_data_file_name(items))
    return items if is_dataset and not local.exists() else str(local)


def _parse_item(row: Row, file: SuiteFile, unit: str) -> Item:
    values = {
        "id": f"{unit}-{row.number}",
        "size": file.size,
        **_item_fields(row.values, file.fields),
    }
    labels = values.pop("labels", None)
    values["id"] = str(values["id"])
    values["answers"] = _answers(values.get("answers"), values.get("options"), labels)
    values["options"] = tuple(map(_text, _as_list(values.get("options"))))
    try:
        return Item.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(map(str, problems_of(error, Item)))
        raise UnfitRowError(f"item {values['id']!r}: {problems}") from error


def _item_fields(row: Mapping[str, object], fields: Mapping[_ItemField, str]) -> dict[str, object]:
    """The row's values under the names of an item's fields."""
    if not fields:
        return dict(row)
    columns: dict[str, str] = {name: name for name in Item.model_fields if name in row}
    return {name: _column(row, column) for name, column in (columns | dict(fields)).items()}


def _column(row: Mapping[str, object], path: str) -> object:
    """The value of a column, or of a field nested in it: ``choices.text``."""
    value: object = row
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise UnfitRowError(f"no column {path!r}; the columns are {', '.join(map(repr, row))}")
        value = value[name]
    return value


def _answers(answers: object, options: object, labels: object) -> tuple[str, ...]:
    """Right answers as texts; a label, a letter or a number (from 0) becomes its option."""
    choices, names = _as_list(options), _as_list(labels)
    return tuple(_answer(answer, choices, names) for answer in _as_list(answers))


def _answer(answer: object, options: list[object], labels: list[object]) -> str:
    if answer in labels and len(labels) == len(options):
        return _text(options[labels.index(answer)])
    index = None if answer in options else _option_index(answer)
    return _text(options[index] if index is not None and index < len(options) else answer)


def _option_index(answer: object) -> int | None:
    text = str(answer)
    if text.isdecimal():
        return int(text)
    return ord(text) - ord("A") if len(text) == 1 and "A" <= text <= "Z" else None


def _text(value: object) -> str:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise UnfitRowError(f"an option or answer is {json_type(value)}, not text")


def _as_list(value: object) -> list[object]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
