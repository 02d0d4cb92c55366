"""Examples on disk, memory-mapped: a dataset of any size behind a sequence that loads what is used.

The rows of a large file are written once to an Arrow file in the cache, under a key of its content,
and found there by whichever command comes next.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import accumulate, chain, islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from workbench import __version__
from workbench.core import locations
from workbench.core.errors import MachineError
from workbench.core.store import build_once, prune
from workbench.data.duplicates import RowKeys, keys_of
from workbench.data.formats import Example, Examples, Message, Piece, Tokens
from workbench.data.rows import RowFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy import int64, uint64
    from numpy.typing import NDArray

    Keep = Callable[[Iterable[Example]], Sequence[Example]]
    """Keeps the rows of a dataset somewhere, and returns what finds them there."""

STORAGE_VERSION = 1
"""Part of every key: raise it when rows are read, written or hashed in another way."""

LARGE_FILE = 4_000_000
"""Bytes from which on the rows of a file are kept on disk."""

MOST_IN_MEMORY = 50_000
"""Rows of a small file or a hub dataset that are kept in memory."""

_ROWS, _SUMMARY = "rows.arrow", "summary.json"
_KEPT = 8
"""Datasets in the cache; beyond that, those that were not used for longest are deleted."""
_BATCH = 1000


class LazyExamples(Sequence[Example]):
    """Some rows of a stored dataset, each built when it is asked for; a slice is lazy as well."""

    def __init__(self, file: _RowFile, rows: NDArray[int64]) -> None:
        """Choose ``rows`` of a file, numbered from 0."""
        self._file = file
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> LazyExamples: ...

    def __getitem__(self, index: int | slice) -> Example | LazyExamples:
        if isinstance(index, slice):
            return LazyExamples(self._file, self._rows[index])
        return self._file.example(int(self._rows[index]))

    def __iter__(self) -> Iterator[Example]:
        for row in self._rows:
            yield self._file.example(int(row))

    def take(self, places: NDArray[int64]) -> LazyExamples:
        """The rows at some places, numbered from 0."""
        return LazyExamples(self._file, self._rows[places])

    def keys(self, name: str) -> NDArray[uint64]:
        """One of the :class:`RowKeys` of every row, without reading the rows."""
        return self._file.keys(name)[self._rows]


class _RowFile:
    """An Arrow file of rows: the JSON of each example, and its keys."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self._table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        self._keys: dict[str, NDArray[uint64]] = {}

    def __len__(self) -> int:
        return len(self._table)

    @cached_property
    def _examples(self) -> Any:
        return self._table.column("example")

    def example(self, row: int) -> Example:
        return _decode(self._examples[row].as_py())

    def keys(self, name: str) -> NDArray[uint64]:
        if name not in self._keys:
            self._keys[name] = self._table.column(name).to_numpy()
        return self._keys[name]


class JoinedExamples(Sequence[Example]):
    """Several datasets one after the other, their rows numbered by dataset; a slice is a tuple."""

    def __init__(self, parts: Sequence[Sequence[Example]]) -> None:
        """Join ``parts``, in order."""
        self._parts = tuple(parts)
        self._starts = [0, *accumulate(map(len, self._parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Example, ...]: ...

    def __getitem__(self, index: int | slice) -> Example | tuple[Example, ...]:
        if isinstance(index, slice):
            return tuple(self[row] for row in range(*index.indices(len(self))))
        row = range(len(self))[index]
        part = bisect_right(self._starts, row) - 1
        return replace(self._parts[part][row - self._starts[part]], dataset=part)

    def __iter__(self) -> Iterator[Example]:
        for number, part in enumerate(self._parts):
            yield from (replace(example, dataset=number) for example in part)

    def keys(self, name: str) -> NDArray[uint64]:
        """One of the :class:`RowKeys` of every row."""
        import numpy as np

        return np.concatenate([keys_of(part, name) for part in self._parts])


def join(parts: Sequence[Sequence[Example]]) -> Sequence[Example]:
    """Several datasets as one; a single one is itself."""
    return parts[0] if len(parts) == 1 else JoinedExamples(parts)


def take(examples: Sequence[Example], places: NDArray[int64]) -> Sequence[Example]:
    """The rows of a dataset at some places, numbered from 0; lazy where the dataset is."""
    if isinstance(examples, LazyExamples):
        return examples.take(places)
    return tuple(examples[int(place)] for place in places)


def content_key(path: Path, *settings: object) -> str:
    """A name for the rows of a file as they are read under some settings."""
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    key = json.dumps([STORAGE_VERSION, __version__, path.suffix, content, *settings])
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def stored(key: str, read: Callable[[Keep], Examples]) -> Examples:
    """A dataset from the cache, read and put there first where it is missing.

    Args:
        key: Distinguishes it from any other dataset in the cache.
        read: Reads it; called with a function that keeps its rows.

    Raises:
        MachineError: The cache is not writable.
    """

    def build(folder: Path) -> None:
        def keep(rows: Iterable[Example]) -> Sequence[Example]:
            write_rows(rows, folder / _ROWS)
            return ()

        summary = vars(read(keep))
        (folder / _SUMMARY).write_text(json.dumps(summary), encoding="utf-8")

    cache = locations.cache() / "data"
    folder = build_once(cache / key, build)
    prune(cache, folder, _KEPT)
    return _open(folder)


def _open(folder: Path) -> Examples:
    summary = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in summary.items()
    }
    dropped = tuple(RowFault(*fault) for fault in values["dropped"])
    return Examples(**{**values, "rows": open_rows(folder / _ROWS), "dropped": dropped})


def keep_for_now(examples: Iterable[Example]) -> Sequence[Example]:
    """Rows in memory, or, where they are many, in a file that is gone with this process.

    Raises:
        MachineError: The cache is not writable.
    """
    rows = iter(examples)
    first = tuple(islice(rows, MOST_IN_MEMORY))
    following = list(islice(rows, 1))
    if not following:
        return first
    folder = locations.cache() / "data"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".rows-") as file:
            write_rows(chain(first, following, rows), Path(file.name))
            return open_rows(Path(file.name))
    except OSError as error:
        raise MachineError(f"{folder}: cannot be written: {error.strerror or error}") from error


def write_rows(examples: Iterable[Example], path: Path) -> None:
    """Write examples and their keys to an Arrow file, a thousand at a time."""
    import pyarrow as pa

    keys = [(name, pa.uint64()) for name in RowKeys._fields]
    schema = pa.schema([("example", pa.large_string()), *keys])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        rows = iter(examples)
        while batch := list(islice(rows, _BATCH)):
            columns = zip(*(RowKeys.of(example) for example in batch), strict=True)
            arrays = [pa.array([_encode(example) for example in batch], pa.large_string())]
            arrays += [pa.array(column, pa.uint64()) for column in columns]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def open_rows(path: Path) -> LazyExamples:
    """The rows of a file of :func:`write_rows`."""
    import numpy as np

    file = _RowFile(path)
    return LazyExamples(file, np.arange(len(file)))


_MESSAGE = attrgetter(
    "role", "content", "trained", "reasoning", "tool_calls", "name", "tool_call_id"
)
"""The values of a message, in the order in which it is made of them."""


def _encode(example: Example) -> str:
    """An example as JSON; values that JSON has not, such as dates, become text."""
    values = [
        example.number,
        dict(example.fields),
        [_MESSAGE(message) for message in example.messages],
        example.text,
        example.pieces,
        example.tokens,
        example.tools,
    ]
    return json.dumps(values, default=str)


def _decode(line: str) -> Example:
    number, fields, messages, text, pieces, tokens, tools = json.loads(line)
    return Example(
        number,
        fields,
        tuple(
            Message(role, content, trained, reasoning, tuple(calls), name, call)
            for role, content, trained, reasoning, calls, name, call in messages
        ),
        text,
        tuple(Piece(*piece) for piece in pieces),
        Tokens(*map(tuple, tokens)) if tokens else None,
        tuple(tools),
    )
