"""What a run started from: its recipe and every row it reads, so that it goes on with the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core import files
from workbench.core.errors import BadInputError
from workbench.data.splitting import load_examples
from workbench.recipe import yaml_io
from workbench.retention.base import GeneralProtection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.data.formats import Example
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

_MARK = 8
"""Characters that stand for one row."""

_TOLD = 6
"""Differences that are named."""


class Rows(BaseModel):
    """The rows of a source, by their checksums.

    Attributes:
        digest: Of all of them.
        marks: Of each, cut short and without a space between, to tell which one differs.
    """

    model_config = ConfigDict(frozen=True)

    digest: str
    marks: str

    @classmethod
    def of(cls, rows: Sequence[Example]) -> Rows:
        """Take them in their order."""
        each = [hashlib.sha256(repr(sorted(row.fields.items())).encode()) for row in rows]
        whole = hashlib.sha256(b"".join(one.digest() for one in each))
        return cls(digest=whole.hexdigest(), marks="".join(one.hexdigest()[:_MARK] for one in each))

    def __len__(self) -> int:
        return len(self.marks) // _MARK

    def change(self, now: Rows) -> str:
        """How the rows of today differ; empty when they do not."""
        if self.digest == now.digest:
            return ""
        pairs = zip(self._each(), now._each(), strict=False)
        same = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
        row = min(len(self), len(now)) if same is None else same
        return f"{len(self)} rows then, {len(now)} now, and row {row + 1} is the first to differ"

    def _each(self) -> list[str]:
        return [self.marks[at : at + _MARK] for at in range(0, len(self.marks), _MARK)]


class Provenance(BaseModel):
    """A run's recipe and data as they were at its start.

    Attributes:
        recipe: The recipe, as plain values.
        data: Rows by the recipe's field that names their source.
    """

    model_config = ConfigDict(frozen=True)

    recipe: dict[str, Any]
    data: dict[str, Rows]

    @classmethod
    def of(cls, recipe: Recipe) -> Provenance:
        """Read all that a run will read.

        Raises:
            FtwbError: A source cannot be read.
        """
        data = {name: Rows.of(rows) for name, rows in _sources(recipe)}
        return cls(recipe=recipe.model_dump(mode="json"), data=data)

    def changes(self, now: Provenance) -> list[str]:
        """What differs today, one line each."""
        fields = _flat(yaml_io.validate(self.recipe).model_dump(mode="json")), _flat(now.recipe)
        recipe = [
            f"{name}: {fields[0].get(name)} then, {fields[1].get(name)} now"
            for name in fields[0] | fields[1]
            if fields[0].get(name) != fields[1].get(name)
        ]
        rows = {
            name: self.data[name].change(now.data[name]) for name in self.data if name in now.data
        }
        return recipe + [f"{name}: {change}" for name, change in rows.items() if change]


def save_provenance(run: RunFolder, recipe: Recipe) -> None:
    """Write down what ``run`` starts from.

    Raises:
        FtwbError: A source cannot be read, or the disk is full.
    """
    files.write_atomic(run.origin, Provenance.of(recipe).model_dump_json(indent=1))


def require_provenance(run: RunFolder) -> None:
    """Refuse to go on with another recipe or other rows than the run started with.

    Raises:
        BadInputError: Naming what differs, or nothing was written down.
    """
    try:
        origin = Provenance.model_validate_json(run.origin.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{run.id}: what it started from was not written down, so it cannot be resumed: "
            f"'ftwb train {run.recipe_file}' starts anew"
        ) from error
    changes = origin.changes(Provenance.of(run.recipe()))
    if changes:
        more = f"; and {len(changes) - _TOLD} more" if len(changes) > _TOLD else ""
        raise BadInputError(
            f"{run.id} cannot be resumed, it is no longer the same run: "
            f"{'; '.join(changes[:_TOLD])}{more}; put them back, or start a new run"
        )


def _sources(recipe: Recipe) -> Iterator[tuple[str, Sequence[Example]]]:
    data = recipe.data
    yield "data.train", load_examples(data.train, data.format, data.max_rows).rows
    if data.heldout is not None:
        yield "data.heldout", load_examples(data.heldout, data.format).rows
    for name, source in _general(recipe).items():
        yield name, load_examples(source).rows


def _general(recipe: Recipe) -> dict[str, str]:
    """General text by the field that names it."""
    found = {
        f"retention.{kind}.source": protection.source
        for kind, protection in recipe.retention.active().items()
        if isinstance(protection, GeneralProtection)
    }
    found |= {f"strategy.{name}": source for name, source in recipe.strategy.datasets().items()}
    text = recipe.evaluation.general_text
    return found if text is None else found | {"evaluation.general_text": text}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
