"""The datasets that a run learns from: one by its name, or several with their shares."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, ValidationError, WithJsonSchema

from workbench.recipe.base import Section, field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SEPARATOR = ", "
_WITH_SHARE = re.compile(r"(?P<path>.+):(?P<share>0?\.\d+)")
_JSON_LIST = re.compile(r"\s*\[\s*[\"{\]]")
_WHOLE = 1e-3
"""How far from 1 the sum of all shares may be."""


class TrainSource(Section):
    """One of the datasets that a run learns from."""

    path: str = field(
        title="Dataset",
        help="As in data.train: a file, a hub dataset id, or preset:NAME.",
        min_length=1,
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
            behind a name; or a JSON list of objects with the fields of :class:`TrainSource`.

    Raises:
        ValueError: A part is not a dataset, or the shares do not add up.
    """
    if _JSON_LIST.match(train):
        return _checked([_source(value) for value in json.loads(train)])
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
    """A list of datasets as text; the text is checked."""
    if isinstance(value, (list, tuple)):
        return write_sources(_checked([_source(item) for item in value]))
    if isinstance(value, str) and value.strip():
        parse_sources(value)
    return value


Sources = Annotated[
    str,
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
