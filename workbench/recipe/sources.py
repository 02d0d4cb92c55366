"""The datasets that a run learns from: one by its name, or several with their shares."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from pydantic import BeforeValidator, ValidationError, WithJsonSchema

from workbench.recipe.base import Section, Source, field
from workbench.recipe.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SEPARATOR = ", "
_WITH_SHARE = re.compile(r"(?P<path>.+):(?P<share>0?\.\d+)")
_WHOLE = 1e-3
"""How far from 1 the sum of all shares may be."""


class TrainSource(Section):
    """One of the datasets that a run learns from."""

    path: Source = field(
        title="Dataset", help="As in data.train: a file, a hub dataset id, or preset:NAME."
    )
    config: str | None = field(None, title="Configuration", help="Of a hub dataset.")
    split: str | None = field(None, title="Split", help="Of a hub dataset.")
    share: float | None = field(
        None,
        title="Share",
        help="Share of all trained tokens of an epoch; datasets without one share what is left.",
        gt=0,
        lt=1,
    )
    columns: Columns = field(
        {}, title="Columns", help="Its own names for usual fields; if empty, those of data.columns."
    )
    max_rows: int | None = field(
        None, title="Rows at most", help="Use only the first rows of the dataset.", ge=1
    )

    @property
    def name(self) -> str:
        """The dataset as it is read: ``path[/config][:split]``."""
        config = f"/{self.config}" if self.config else ""
        return f"{self.path}{config}{f':{self.split}' if self.split else ''}"

    def __str__(self) -> str:
        return self.path if self.share is None else f"{self.path}:{self.share:g}"


def parse_sources(train: str) -> tuple[TrainSource, ...]:
    """The datasets that a text names.

    Args:
        train: One dataset; several as ``a.jsonl, b.jsonl:0.3``, with the share of trained tokens
            behind a name; or a list of objects with the fields of :class:`TrainSource`, as YAML.

    Raises:
        ValueError: A part is not a dataset, or the shares do not add up.
    """
    if (listed := _listed(train)) is not None:
        return _checked([_source(value) for value in listed])
    parts = [part.strip() for part in train.split(_SEPARATOR) if part.strip()]
    if len(parts) == 1:
        return (TrainSource(path=parts[0]),)
    matches = [(part, _WITH_SHARE.fullmatch(part)) for part in parts]
    return _checked(
        [
            TrainSource(path=match["path"], share=float(match["share"]))
            if match
            else TrainSource(path=part)
            for part, match in matches
        ]
    )


def _listed(text: str) -> list[Any] | None:
    """The list that a text writes in JSON or YAML; None where it is a name with a bracket."""
    if not text.lstrip().startswith("["):
        return None
    for read, error in ((json.loads, ValueError), (yaml.safe_load, yaml.YAMLError)):
        with suppress(error):
            value = read(text)
            return value if isinstance(value, list) else None
    return None


def write_sources(sources: Sequence[TrainSource]) -> str:
    """Datasets as the shortest text that :func:`parse_sources` reads."""
    text = _SEPARATOR.join(map(str, sources))
    try:
        if parse_sources(text) == tuple(sources):
            return text
    except ValueError:
        pass
    return json.dumps([source.model_dump(exclude_defaults=True) for source in sources])


def map_paths(train: str, change: Callable[[str], str]) -> str:
    """The same datasets with each path changed."""
    sources = parse_sources(train)
    return write_sources(
        [source.model_copy(update={"path": change(source.path)}) for source in sources]
    )


def _source(value: Any) -> TrainSource:
    try:
        return TrainSource.model_validate({"path": value} if isinstance(value, str) else value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"a dataset of the list is wrong: {where}: {first['msg']}") from error


def _checked(sources: Sequence[TrainSource]) -> tuple[TrainSource, ...]:
    """Datasets whose shares can all be kept.

    Raises:
        ValueError: There is no dataset, or the shares do not leave room for one another.
    """
    if not sources:
        raise ValueError("names no dataset")
    shares = [source.share for source in sources if source.share is not None]
    if len(shares) == len(sources) and not math.isclose(sum(shares), 1, abs_tol=_WHOLE):
        raise ValueError(f"the shares of all datasets add up to {sum(shares):g}, not to 1")
    if len(shares) < len(sources) and sum(shares) >= 1:
        raise ValueError(
            f"shares of {sum(shares):g} leave nothing for the datasets without a share"
        )
    return tuple(sources)


def _as_text(value: Any) -> Any:
    """Datasets as text, also where they are written as a list; they are checked."""
    if isinstance(value, (list, tuple)):
        return write_sources(_checked([_source(item) for item in value]))
    if not isinstance(value, str) or not value.strip():
        return value
    sources = parse_sources(value)
    return value if _listed(value) is None else write_sources(sources)


Sources = Annotated[
    Source,
    BeforeValidator(_as_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "minItems": 1, "items": TrainSource.model_json_schema()},
            ]
        }
    ),
]
"""One dataset by its name, or several; a list is kept as the text that means the same."""
