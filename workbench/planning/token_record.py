"""The tokens that a run learns, as checksums, so that a resume learns the same."""

from __future__ import annotations

import hashlib
from array import array
from importlib.metadata import version
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core import files
from workbench.core.errors import BadInputError
from workbench.planning.provenance import ROW_DIGITS, RowChecksums

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

    from workbench.data.rendering import Rendered
    from workbench.runs.folder import RunFolder

_LIBRARIES = ("transformers", "tokenizers", "jinja2")


class TokenRecord(BaseModel):
    """The training rows of a run in tokens.

    Attributes:
        rows: Checksums of the tokens and labels of each row.
        made_by: What tokens depend on beside the rows: checksums and versions by name.
    """

    model_config = ConfigDict(frozen=True)

    rows: RowChecksums
    made_by: dict[str, str]

    @classmethod
    def of(cls, rows: Iterable[Rendered], tokenizer: PreTrainedTokenizerBase) -> TokenRecord:
        """Compute the checksums of rendered rows in their order."""
        digests = [_digest(row) for row in rows]
        checksums = RowChecksums(
            digest=hashlib.sha256(b"".join(digests)).hexdigest(),
            row_digests="".join(digest.hex()[:ROW_DIGITS] for digest in digests),
        )
        return cls(rows=checksums, made_by=_makers(tokenizer))

    def difference(self, now: TokenRecord) -> str:
        """How the tokens differ now, and what else does; empty if they are the same."""
        difference = self.rows.difference(now.rows)
        if not difference:
            return ""
        changed = [
            f"{name} was {self.made_by.get(name, 'unknown')} then, is {value} now"
            for name, value in now.made_by.items()
            if self.made_by.get(name) != value
        ]
        return "; ".join([difference, *changed])


def save_tokens(run: RunFolder, record: TokenRecord) -> None:
    """Record the tokens that ``run`` learns.

    Raises:
        MachineError: The disk is full.
    """
    files.write_atomic(_file(run), record.model_dump_json(indent=1))


def require_tokens(run: RunFolder, now: TokenRecord) -> None:
    """Refuse to resume a run that would learn other tokens than it started with.

    Raises:
        BadInputError: Naming what differs, or the record is missing.
    """
    file = _file(run)
    try:
        then = TokenRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{run.id} cannot be resumed: {file.name} is missing or unreadable; start it again "
            f"with 'ftwb train {run.recipe_file}'"
        ) from error
    if difference := then.difference(now):
        raise BadInputError(
            f"{run.id} cannot be resumed, its rows are other tokens now: {difference}; restore "
            "what has changed, or start a new run"
        )


def _file(run: RunFolder) -> Path:
    return run.path / "tokens.json"


def _digest(row: Rendered) -> bytes:
    return hashlib.sha256(array("q", [*row.input_ids, *row.labels]).tobytes()).digest()


def _makers(tokenizer: PreTrainedTokenizerBase) -> dict[str, str]:
    parts = {
        "the tokenizer": tokenizer.backend_tokenizer.to_str(),
        "the chat template": str(tokenizer.chat_template),
    }
    short = {
        name: hashlib.sha256(text.encode()).hexdigest()[:ROW_DIGITS] for name, text in parts.items()
    }
    return short | {library: version(library) for library in _LIBRARIES}
