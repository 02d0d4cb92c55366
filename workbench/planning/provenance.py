"""What a run started from: its recipe and checksums of its rows, so that a resume uses the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core.errors import BadInputError
from workbench.data.duplicates import keys_of
from workbench.data.splitting import load_examples, load_heldout, load_source
from workbench.data.storage import join
from workbench.recipe import yaml_io
from workbench.recipe.flatten import flatten
from workbench.retention.base import GeneralProtection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.data.formats import Example
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

ROW_DIGITS = 8
"""Hexadecimal digits kept of a row's checksum: enough to find the row that differs."""

_CHANGES_LISTED = 6


class RowChecksums(BaseModel):
    """Checksums of the rows of one source.

    Attributes:
        digest: Of all rows together (SHA-256 of their hashes of 64 bits).
        row_digests: Of each row in order, shortened to 8 digits and joined.
    """

    model_config = ConfigDict(frozen=True)

    digest: str
    row_digests: str

    @classmethod
    def of(cls, rows: Sequence[Example]) -> RowChecksums:
        """Compute the checksums of rows in their order."""
        hashes = keys_of(rows, "fields").astype(">u8")
        short = (hashes >> 32).astype(">u4")
        return cls(
            digest=hashlib.sha256(hashes.tobytes()).hexdigest(),
            row_digests=short.tobytes().hex(),
        )

    def __len__(self) -> int:
        return len(self.row_digests) // ROW_DIGITS

    def difference(self, now: RowChecksums) -> str:
        """How the rows differ now; empty if they do not."""
        if self.digest == now.digest:
            return ""
        shared = min(len(self), len(now))
        first = next((row for row in range(shared) if self._row(row) != now._row(row)), shared)
        return f"{len(self)} rows then, {len(now)} now, and row {first + 1} is the first to differ"

    def _row(self, index: int) -> str:
        return self.row_digests[index * ROW_DIGITS : (index + 1) * ROW_DIGITS]


class Provenance(BaseModel):
    """A run's recipe and data at its start.

    Attributes:
        recipe: The recipe as plain values.
        data: Checksums of rows, by the recipe field that names their source.
    """

    model_config = ConfigDict(frozen=True)

    recipe: dict[str, Any]
    data: dict[str, RowChecksums]

    @classmethod
    def of(cls, recipe: Recipe) -> Provenance:
        """Read every source of a recipe.

        Raises:
            FtwbError: A source cannot be read.
        """
        data = {field: RowChecksums.of(rows) for field, rows in _sources(recipe)}
        return cls(recipe=recipe.model_dump(mode="json"), data=data)

    def differences(self, now: Provenance) -> list[str]:
        """What differs now, one line each."""
        recorded = yaml_io.validate(self.recipe)  # fills in fields that were added since
        before, after = flatten(recorded.model_dump(mode="json")), flatten(now.recipe)
        fields = [
            f"{name}: {before.get(name)} then, {after.get(name)} now"
            for name in before | after
            if before.get(name) != after.get(name)
        ]
        rows = {
            name: checksums.difference(now.data[name])
            for name, checksums in self.data.items()
            if name in now.data
        }
        return fields + [f"{name}: {difference}" for name, difference in rows.items() if difference]


def save_provenance(run: RunFolder, recipe: Recipe) -> None:
    """Record what ``run`` starts from.

    Raises:
        FtwbError: A source cannot be read, or the disk is full.
    """
    run.files.write_atomic(run.origin, Provenance.of(recipe).model_dump_json(indent=1))


def require_provenance(run: RunFolder) -> None:
    """Refuse to resume a run whose recipe or rows are no longer those it started with.

    Raises:
        BadInputError: Naming what differs, or the record is missing.
    """
    try:
        origin = Provenance.model_validate_json(run.files.read_bytes(run.origin))
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{run.id} cannot be resumed: {run.origin.name} is missing or unreadable; start it "
            f"again with 'ftwb train {run.recipe_file}'"
        ) from error
    differences = origin.differences(Provenance.of(run.recipe()))
    if differences:
        more = len(differences) - _CHANGES_LISTED
        listed = [*differences[:_CHANGES_LISTED], *([f"and {more} more"] if more > 0 else [])]
        raise BadInputError(
            f"{run.id} cannot be resumed, its recipe or data have changed: {'; '.join(listed)}; "
            "restore them, or start a new run"
        )


def _sources(recipe: Recipe) -> Iterator[tuple[str, Sequence[Example]]]:
    """The rows of every source, with the recipe field that names it."""
    data = recipe.data
    yield "data.train", join([load_source(data, source).rows for source in data.sources])
    if data.heldout is not None:
        yield "data.heldout", load_heldout(data, data.heldout).rows
    for field, source in _general_sources(recipe).items():
        yield field, load_examples(source).rows


def _general_sources(recipe: Recipe) -> dict[str, str]:
    """Sources of general text, by the recipe field that names them."""
    sources = {
        f"retention.{kind}.source": protection.source
        for kind, protection in recipe.retention.active().items()
        if isinstance(protection, GeneralProtection)
    }
    sources |= {f"strategy.{field}": name for field, name in recipe.strategy.datasets().items()}
    text = recipe.evaluation.general_text
    return sources if text is None else sources | {"evaluation.general_text": text}
