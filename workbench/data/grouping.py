"""Groups of rows that say nearly the same, so that none of a group tests what another taught."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from workbench.data.duplicates import keys_of, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import int64, uint64
    from numpy.typing import NDArray

    from workbench.data.formats import Example

MOST_ROWS = 20_000
"""Rows up to which they are compared word by word; beyond that, only copies are grouped."""

_SHINGLE = 3
"""Consecutive words that are compared at once."""
_BANDS, _BAND_ROWS = 16, 5
_ALIKE = 0.8
"""Share of common shingles (Jaccard) from which on two rows are near duplicates."""
_MOST_WORDS = 200
"""Words of a row that are compared, from the first."""
_CHARACTERS_PER_WORD = 20
_FEW_ROWS, _FEW_SHARE = 10, 0.05
"""Rows, or the share of all rows, up to which a shingle says something of its rows."""
_BATCH = 200


class Groups(NamedTuple):
    """Rows in groups.

    Attributes:
        of_row: The group of each row, ``[rows]``; numbered from 0 in the order of first rows.
        by_words: Near duplicates are together; otherwise only rows that differ in case, white
            space and punctuation.
    """

    of_row: NDArray[int64]
    by_words: bool

    def __len__(self) -> int:
        return int(self.of_row.max()) + 1 if len(self.of_row) else 0


def group(examples: Sequence[Example]) -> Groups:
    """Group the rows of a dataset.

    1. Rows that are equal but for case, white space and punctuation are one.
    2. MinHash (Broder, 1997): each row is a set of 3-word shingles, without those of very many
       rows; under 80 random hash functions, two rows share the least value in as many as their sets
       have in common.
    3. Rows are candidates where 5 of these agree in any of 16 bands, and are joined where at least
       8 in 10 of all agree.
    """
    import numpy as np

    _, first, copies = np.unique(
        keys_of(examples, "normalised"), return_index=True, return_inverse=True
    )
    if len(examples) > MOST_ROWS:
        return Groups(_in_order(first[copies]), by_words=False)
    signatures = _signatures([examples[int(row)] for row in first])
    return Groups(_in_order(first[_join(signatures)[copies]]), by_words=True)


def _signatures(examples: Sequence[Example]) -> NDArray[uint64]:
    """The least values of each row's shingles under all hash functions, ``[rows, functions]``."""
    import numpy as np

    functions = _BANDS * _BAND_ROWS
    draw = np.random.default_rng(0)
    factors, offsets = draw.integers(1, 2**63, (2, functions, 1), dtype=np.uint64)
    shingles, lengths = _distinctive(*_shingle_sets(examples))
    ends = np.cumsum(lengths)
    starts = ends - lengths
    signatures = np.empty((len(examples), functions), np.uint64)
    for first in range(0, len(examples), _BATCH):
        rows = slice(first, first + _BATCH)
        batch = shingles[starts[first] : ends[rows][-1]]
        hashed = (batch * (factors | np.uint64(1)) + offsets) >> np.uint64(32)
        places = starts[rows] - starts[first]
        signatures[rows] = np.minimum.reduceat(hashed, places, axis=1).T
    return signatures


def _shingle_sets(examples: Sequence[Example]) -> tuple[NDArray[uint64], NDArray[int64]]:
    """Hashes of the shingles of all rows, each once in a row, and how many each row has."""
    import numpy as np

    numbers: dict[str, int] = {}
    sets = [
        _shingles([numbers.setdefault(word, len(numbers)) for word in _first_words(example)])
        for example in examples
    ]
    return np.concatenate(sets), np.array([len(shingles) for shingles in sets])


def _shingles(words: Sequence[int]) -> NDArray[uint64]:
    """Hashes of a row's shingles, at least one; it is padded for that."""
    import numpy as np

    padding = [-1] * max(1, _SHINGLE - len(words))
    row = np.array([*words, *padding], np.int64).astype(np.uint64) + np.uint64(2)
    length = len(row) - _SHINGLE + 1
    mixed = np.zeros(length, np.uint64)
    for place in range(_SHINGLE):
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + row[place : place + length]
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def _distinctive(
    shingles: NDArray[uint64], lengths: NDArray[int64]
) -> tuple[NDArray[uint64], NDArray[int64]]:
    """Leave out what very many rows have, such as the instructions that a dataset repeats.

    A row without any other shingle gets one that no other row has.
    """
    import numpy as np

    rows = np.repeat(np.arange(len(lengths)), lengths)
    _, number, counts = np.unique(shingles, return_inverse=True, return_counts=True)
    kept = counts[number] <= max(_FEW_ROWS, _FEW_SHARE * len(lengths))
    bare = np.flatnonzero(np.bincount(rows[kept], minlength=len(lengths)) == 0)
    rows = np.concatenate([rows[kept], bare])
    order = np.argsort(rows, kind="stable")
    values = np.concatenate([shingles[kept], bare.astype(np.uint64)])
    return values[order], np.bincount(rows, minlength=len(lengths))


def _first_words(example: Example) -> list[str]:
    """The first words of a row, without their case and punctuation; of a row in tokens, those."""
    texts = (message.content for message in example.messages)
    pieces = (piece.text for piece in example.pieces)
    words = list(map(str, example.tokens.input_ids[:_MOST_WORDS])) if example.tokens else []
    for text in chain(texts, pieces, [example.text or ""]):
        words += normalise(text[: _MOST_WORDS * _CHARACTERS_PER_WORD]).split()
    return words[:_MOST_WORDS]


def _join(signatures: NDArray[uint64]) -> NDArray[int64]:
    """For each row the first of its group."""
    import numpy as np

    leader = np.arange(len(signatures))
    for band in range(0, signatures.shape[1], _BAND_ROWS):
        keys = np.ascontiguousarray(signatures[:, band : band + _BAND_ROWS])
        _, first, bucket = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        others = first[bucket.reshape(-1)]
        pairs = np.flatnonzero(others != np.arange(len(others)))
        agree = (signatures[pairs] == signatures[others[pairs]]).mean(axis=1)
        for row in pairs[agree >= _ALIKE]:
            _union(leader, int(row), int(others[row]))
    return np.array([_find(leader, row) for row in range(len(leader))], dtype=np.int64)


def _find(leader: NDArray[int64], row: int) -> int:
    while leader[row] != row:
        leader[row] = row = int(leader[leader[row]])
    return row


def _union(leader: NDArray[int64], one: int, other: int) -> None:
    first, second = sorted((_find(leader, one), _find(leader, other)))
    leader[second] = first


def _in_order(representatives: NDArray[int64]) -> NDArray[int64]:
    """Number groups by their first rows."""
    import numpy as np

    _, first, of_row = np.unique(representatives, return_index=True, return_inverse=True)
    places = np.empty(len(first), dtype=np.int64)
    places[np.argsort(first)] = np.arange(len(first))
    numbered: NDArray[int64] = places[of_row]
    return numbered
