"""A whole dataset in tokens: cut to length, in flat arrays, on disk where it is large.

Conversations are cut at the sequence length. Texts are cut into pieces of it, so that nothing of
them is lost.
"""

from __future__ import annotations

import io
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, overload

from workbench.core.errors import BadInputError
from workbench.data.pieces import PART, cut_text, shorten, size, text_parts
from workbench.data.rendering import Rendered
from workbench.data.rows import RowFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy import int32, int64, uint8
    from numpy.typing import NDArray

    from workbench.data.formats import Example
    from workbench.data.rendering import Renderer

    _Buffer = bytes | memoryview | NDArray[uint8]

_IDS, _LABELS = "input_ids.bin", "labels.bin"
_INDEX, _LENGTHS, _LOSSES = "index.bin", "lengths.bin", "losses.json"
_BATCH_ROWS, _BATCH_CHARACTERS = 1000, 2_000_000
"""Rows, and characters, that are tokenised at once at most."""
_PARTS_AT_ONCE = 20


class TokenisedRows(Sequence[Rendered]):
    """Rows in tokens, in flat arrays that may be memory-mapped; a slice is a list.

    Attributes:
        lengths: Tokens of each row, ``[rows]``.
        trained_tokens: Those of them that have a loss, ``[rows]``.
        places: The example that each row is from, numbered from 0, ``[rows]``.
    """

    def __init__(
        self, input_ids: NDArray[int32], labels: NDArray[int32], index: NDArray[int64]
    ) -> None:
        """Take the tokens of all rows one after the other.

        Args:
            input_ids: ``[tokens]``.
            labels: ``[tokens]``.
            index: Place, length, trained tokens and whether it was cut, ``[rows, 4]``.
        """
        self.places, self.lengths, self.trained_tokens, self._truncated = index.T
        self._input_ids, self._labels = input_ids, labels
        self._ends = self.lengths.cumsum()

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int) -> Rendered: ...

    @overload
    def __getitem__(self, index: slice) -> list[Rendered]: ...

    def __getitem__(self, index: int | slice) -> Rendered | list[Rendered]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        end = int(self._ends[index])
        tokens = slice(end - int(self.lengths[index]), end)
        return Rendered(
            self._input_ids[tokens].tolist(),
            self._labels[tokens].tolist(),
            bool(self._truncated[index]),
        )


@dataclass(frozen=True)
class Losses:
    """What of a dataset is not learned, or not in one piece; rows by their numbers.

    Attributes:
        refused: Rows that the chat template refuses.
        unlearnable: Rows whose answers begin beyond the sequence length.
        cut: Rows that lose their end, but have something to learn left.
        divided: Texts that are cut into several pieces.
        shortened: Conversations so long that their end was not even tokenised.
        notes: What the user should know of how rows were rendered, with their numbers.
    """

    refused: list[RowFault] = field(default_factory=list)
    unlearnable: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    divided: list[int] = field(default_factory=list)
    shortened: list[int] = field(default_factory=list)
    notes: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tokenised:
    """A dataset in tokens, and what of it is lost.

    Attributes:
        rows: What there is to learn.
        losses: What is lost.
        whole_lengths: Tokens of each example before it was cut, ``[examples]``; 0 where the
            template refuses it, and fewer than there are where its end was not tokenised.
    """

    rows: TokenisedRows
    losses: Losses
    whole_lengths: NDArray[int64]


def tokenise(
    renderer: Renderer,
    examples: Sequence[Example],
    text_overlap: int = 0,
    folder: Path | None = None,
    report: Callable[[int], object] = lambda _: None,
) -> Tokenised:
    """Tokenise a dataset, a thousand rows at a time.

    Args:
        renderer: Renders a row; knows the sequence length.
        examples: The dataset.
        text_overlap: Tokens that a piece of a text repeats of the one before it, to be read only.
        folder: Where to keep the tokens; without it they stay in memory.
        report: Called with the number of rows done so far.

    Raises:
        BadInputError: The overlap leaves no room in a piece.
    """
    if text_overlap >= renderer.sequence_length:
        raise BadInputError(
            f"data.text_overlap: {text_overlap} tokens leave nothing new in pieces of "
            f"{renderer.sequence_length} tokens (training.sequence_length); lower it"
        )
    if folder is None:
        input_ids, labels = io.BytesIO(), io.BytesIO()
        work = _Work(renderer, text_overlap, input_ids, labels)
        work.run(examples, report)
        return _tokenised(input_ids.getbuffer(), labels.getbuffer(), work.results)
    with (folder / _IDS).open("wb") as ids_file, (folder / _LABELS).open("wb") as labels_file:
        work = _Work(renderer, text_overlap, ids_file, labels_file)
        work.run(examples, report)
    work.results.save(folder)
    return open_tokenised(folder)


def first_rows(renderer: Renderer, examples: Iterable[Example], count: int) -> list[Rendered]:
    """The first rows that have something to learn within the sequence length, cut to it.

    Of a text that is its first piece. No more is read than is needed.

    Raises:
        BadInputError: The chat template refuses a row; the text names it.
    """
    rows: list[Rendered] = []
    source = iter(examples)
    while len(rows) < count and (batch := list(islice(source, count - len(rows)))):
        short = [shorten(example, renderer.sequence_length) for example in batch]
        rows += [row for row in renderer.render_all(short) if row.learns]
    return rows


def open_tokenised(folder: Path) -> Tokenised:
    """The rows that :func:`tokenise` kept in a folder, memory-mapped."""
    import numpy as np

    files = [folder / name for name in (_IDS, _LABELS)]
    input_ids, labels = (
        np.memmap(path, np.uint8, "r") if path.stat().st_size else b"" for path in files
    )
    return _tokenised(input_ids, labels, _Results.load(folder))


def _tokenised(input_ids: _Buffer, labels: _Buffer, results: _Results) -> Tokenised:
    import numpy as np

    rows = TokenisedRows(
        np.frombuffer(input_ids, np.int32),
        np.frombuffer(labels, np.int32),
        np.frombuffer(results.index, np.int64).reshape(-1, 4),
    )
    return Tokenised(rows, results.losses, np.frombuffer(results.whole_lengths, np.int64))


@dataclass(frozen=True)
class _Results:
    """What is known of the tokenised rows beside their tokens, as :class:`Tokenised` has it."""

    index: array[int] = field(default_factory=lambda: array("q"))
    whole_lengths: array[int] = field(default_factory=lambda: array("q"))
    losses: Losses = field(default_factory=Losses)

    def save(self, folder: Path) -> None:
        (folder / _INDEX).write_bytes(self.index.tobytes())
        (folder / _LENGTHS).write_bytes(self.whole_lengths.tobytes())
        (folder / _LOSSES).write_text(json.dumps(vars(self.losses)), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> _Results:
        losses = json.loads((folder / _LOSSES).read_text(encoding="utf-8"))
        losses["refused"] = [RowFault(*fault) for fault in losses["refused"]]
        index, lengths = (array("q", (folder / n).read_bytes()) for n in (_INDEX, _LENGTHS))
        return cls(index, lengths, Losses(**losses))


class _Work:
    """Tokenises examples one after the other, and writes their tokens to two files."""

    def __init__(
        self, renderer: Renderer, text_overlap: int, input_ids: BinaryIO, labels: BinaryIO
    ) -> None:
        self.results = _Results()
        self._renderer = renderer
        self._text_overlap = text_overlap
        self._input_ids = input_ids
        self._labels = labels

    def run(self, examples: Iterable[Example], report: Callable[[int], object]) -> None:
        place = 0
        for batch in _batches(examples):
            for example, parts in self._render(batch):
                self.results.whole_lengths.append(0)
                if isinstance(parts, RowFault):
                    self.results.losses.refused.append(parts)
                elif example.text is None:
                    self._take_whole(place, example, *parts)
                else:
                    self._take_pieces(place, example, parts)
                place += 1
            report(place)

    def _take_whole(self, place: int, example: Example, whole: Rendered) -> None:
        self.results.whole_lengths[-1] = len(whole.input_ids)
        row = whole.cut(self._renderer.sequence_length)
        if not row.learns:
            self.results.losses.unlearnable.append(example.number)
            return
        if row.truncated:
            self.results.losses.cut.append(example.number)
        self._write(place, row)

    def _take_pieces(self, place: int, example: Example, parts: Iterable[Rendered]) -> None:
        losses, pieces = self.results.losses, 0
        length = self._renderer.sequence_length
        try:
            for row in cut_text(self._measured(parts), length, self._text_overlap):
                if row.learns:
                    self._write(place, row)
                    pieces += 1
        except BadInputError as error:  # what is before the part in question is learned
            losses.refused.append(RowFault(example.number, str(error)))
            return
        if pieces != 1:
            (losses.divided if pieces else losses.unlearnable).append(example.number)

    def _measured(self, parts: Iterable[Rendered]) -> Iterator[Rendered]:
        for part in parts:
            self.results.whole_lengths[-1] += len(part.input_ids)
            yield part

    def _write(self, place: int, row: Rendered) -> None:
        self._input_ids.write(array("i", row.input_ids).tobytes())
        self._labels.write(array("i", row.labels).tobytes())
        self.results.index.extend((place, len(row.input_ids), row.trained_tokens, row.truncated))

    def _render(
        self, batch: Sequence[Example]
    ) -> Iterator[tuple[Example, Iterable[Rendered] | RowFault]]:
        """Every row of a batch in one part, or in the parts of a long text."""
        if len(batch) == 1 and _is_long(batch[0]):
            yield batch[0], self._render_text(batch[0])
            return
        length = self._renderer.sequence_length
        short = [row if row.text is not None else shorten(row, length) for row in batch]
        results = self._renderer.try_render(short)
        for example, used, result in zip(batch, short, results, strict=True):
            if used is not example:
                self.results.losses.shortened.append(example.number)
            yield example, result if isinstance(result, RowFault) else self._noted(example, result)

    def _noted(self, example: Example, row: Rendered) -> list[Rendered]:
        for note in row.notes:
            self.results.losses.notes.setdefault(note, []).append(example.number)
        return [row]

    def _render_text(self, example: Example) -> Iterator[Rendered]:
        """A long text in parts, a few at a time; only its ends have BOS and EOS."""
        bos = len(self._renderer.tokens(""))
        eos = len(self._renderer.tokens(self._renderer.template.eos)) - bos
        texts = text_parts(example.text or "")
        for start in range(0, len(texts), _PARTS_AT_ONCE):
            parts = [replace(example, text=text) for text in texts[start : start + _PARTS_AT_ONCE]]
            for number, row in enumerate(self._renderer.render_whole(parts), start):
                first = bos if number else 0
                stop = len(row.input_ids) - (eos if number < len(texts) - 1 else 0)
                yield Rendered(row.input_ids[first:stop], row.labels[first:stop], truncated=False)


def _batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """Rows in order, as many at once as are quick to tokenise; a long text is alone."""
    batch: list[Example] = []
    characters = 0
    for example in examples:
        characters += size(example)
        full = len(batch) == _BATCH_ROWS or characters > _BATCH_CHARACTERS
        if batch and (full or _is_long(example) or _is_long(batch[0])):
            yield batch
            batch, characters = [], size(example)
        batch.append(example)
    if batch:
        yield batch


def _is_long(example: Example) -> bool:
    return len(example.text or "") > PART
