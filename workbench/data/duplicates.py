"""Which rows say the same as an earlier one, exactly or nearly, by hashes of what they say."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import uint64
    from numpy.typing import NDArray

    from workbench.data.formats import Example

_PUNCTUATION = str.maketrans("", "", ".,;:!?'\"\u2018\u2019\u201c\u201d\u2026")


class RowKeys(NamedTuple):
    """Hashes of one row, of 64 bits: a million rows collide by chance once in 30 million cases.

    Attributes:
        exact: Equal for rows with the same words in the same roles.
        normalised: Equal also for rows that differ in case, white space and punctuation only.
        question: Equal for rows that ask the same, whatever their answers; a text is its own
            question.
        fields: Equal for rows with equal fields.
        number: The row's number, not hashed.
    """

    exact: int
    normalised: int
    question: int
    fields: int
    number: int

    @classmethod
    def of(cls, example: Example) -> RowKeys:
        """Hash a row."""
        turns = [(message.role, normalise(message.content)) for message in example.messages]
        documents = [normalise(text) for text in _documents(example)]
        normalised = _hash((turns, documents, example.tokens))
        asked = [content for role, content in turns if role == "user"]
        return cls(
            exact=_hash((example.messages, example.tools, _documents(example), example.tokens)),
            normalised=normalised,
            question=_hash(asked) if asked else normalised,
            fields=_hash(sorted(example.fields.items())),
            number=example.number,
        )


@runtime_checkable
class Keyed(Protocol):
    """Rows whose hashes are stored."""

    def keys(self, name: str) -> NDArray[uint64]:
        """One of the :class:`RowKeys` of every row."""


def keys_of(examples: Sequence[Example], name: str) -> NDArray[uint64]:
    """One of the :class:`RowKeys` of every row, ``[rows]``."""
    import numpy as np

    if isinstance(examples, Keyed):
        return examples.keys(name)
    if name == "number":
        return np.array([example.number for example in examples], dtype=np.uint64)
    values = (getattr(RowKeys.of(example), name) for example in examples)
    return np.fromiter(values, dtype=np.uint64, count=len(examples))


def repeats(examples: Sequence[Example], name: str) -> tuple[int, ...]:
    """Numbers of the rows that have the key ``name`` in common with an earlier row."""
    import numpy as np

    _, first = np.unique(keys_of(examples, name), return_index=True)
    later = np.ones(len(examples), dtype=bool)
    later[first] = False
    return tuple(keys_of(examples, "number")[later].tolist())


def normalise(text: str) -> str:
    """A text without its case, punctuation and spacing; itself where it has nothing else."""
    return " ".join(text.casefold().translate(_PUNCTUATION).split()) or text


def _documents(example: Example) -> list[str]:
    text = [] if example.text is None else [example.text]
    return text + [piece.text for piece in example.pieces]


def _hash(value: object) -> int:
    data = repr(value).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
