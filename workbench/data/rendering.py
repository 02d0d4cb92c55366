"""Rows as a model reads them: token ids, and labels on the tokens to learn."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.rows import RowFault, UnfitRowError
from workbench.data.template_settings import TemplateSettings
from workbench.data.templates import ChatTemplate
from workbench.data.writing import RowWriter, WrittenRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from transformers import PreTrainedTokenizerBase

    from workbench.data.formats import Example, Message, Tokens

IGNORE_INDEX = -100
"""The label of a token that is read but not learned, as in torch's cross entropy."""


@dataclass(frozen=True)
class Rendered:
    """A row in tokens.

    Attributes:
        input_ids: Token ids, no padding.
        labels: As long as ``input_ids``: the id of a token to learn, else :data:`IGNORE_INDEX`.
        truncated: The row was longer and lost its end.
        notes: What the user should know about how it was rendered.
    """

    input_ids: list[int]
    labels: list[int]
    truncated: bool
    notes: tuple[str, ...] = ()

    @property
    def trained_tokens(self) -> int:
        """How many tokens have a loss: all labelled ones but the first, which nothing predicts."""
        return len(self.labels[1:]) - self.labels[1:].count(IGNORE_INDEX)

    @property
    def openings(self) -> int:
        """How many answers begin in it: labelled tokens after one that is only read."""
        pairs = pairwise(self.labels)
        return sum(read == IGNORE_INDEX != learned for read, learned in pairs)

    @property
    def learns(self) -> bool:
        """Whether any token has a loss."""
        return self.trained_tokens > 0

    def cut(self, length: int) -> Rendered:
        """The row's first ``length`` tokens."""
        truncated = self.truncated or len(self.input_ids) > length
        return Rendered(self.input_ids[:length], self.labels[:length], truncated, self.notes)


@dataclass(frozen=True)
class Segment:
    """The text of consecutive tokens that are all learned, or all only read."""

    text: str
    trained: bool


class Renderer:
    """Renders rows with the model's chat template and labels the tokens to learn.

    The token that ends an answer is learned, what follows it is not. A text is tokenised as a
    whole, as in inference, and without a second BOS. Answers that a row marks as not to be trained
    are only read, even where all other tokens are learned.

    Attributes:
        template: The model's chat template, or a plain one if it has none.
        sequence_length: Tokens that rows are cut to.
        settings: How conversations are written.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        assistant_only_loss: bool,
        sequence_length: int,
        settings: TemplateSettings | None = None,
        embedding_rows: int | None = None,
    ) -> None:
        """Render for a model.

        Args:
            tokenizer: The model's; it must be a fast one, which knows where in the text each token
                is.
            assistant_only_loss: Label the answers only; otherwise all tokens.
            sequence_length: Longer rows lose their end.
            settings: How conversations are written; as the model does unless given.
            embedding_rows: How many tokens the model knows, where that is to be checked; a
                tokenizer to which tokens were added may know more.

        Raises:
            BadInputError: The tokenizer is not a fast one, or its template cannot be used.
        """
        if not tokenizer.is_fast:
            raise BadInputError(
                f"{tokenizer.name_or_path}: its tokenizer does not report where in the text tokens "
                "are, so answers cannot be found; use a model with a fast tokenizer"
            )
        self.settings = settings or TemplateSettings()
        self.template = ChatTemplate(tokenizer, self.settings)
        self.sequence_length = sequence_length
        self._writer = RowWriter(self.template, assistant_only_loss=assistant_only_loss)
        self._tokenizer = tokenizer
        self._embedding_rows = embedding_rows

    def render(self, example: Example) -> Rendered:
        """Render one row, cut to the sequence length.

        Raises:
            BadInputError: The row cannot be rendered as it should be learned.
        """
        return self.render_all([example])[0]

    def render_all(self, examples: Sequence[Example]) -> list[Rendered]:
        """Render many rows at once, each cut to the sequence length.

        Raises:
            BadInputError: A row cannot be rendered as it should be learned; the text names it.
        """
        return [row.cut(self.sequence_length) for row in self.render_whole(examples)]

    def render_whole(self, examples: Sequence[Example]) -> list[Rendered]:
        """Render many rows at once, at their full length.

        Raises:
            BadInputError: A row cannot be rendered as it should be learned; the text names it.
        """
        rows = self.try_render(examples)
        for row in rows:
            if isinstance(row, RowFault):
                raise _error(row)
        return [row for row in rows if isinstance(row, Rendered)]

    def try_render(self, examples: Sequence[Example]) -> list[Rendered | RowFault]:
        """Render many rows at once, at their full length, or say why one cannot be rendered."""
        rows = self._tokenize(examples)
        return [
            row if isinstance(row, RowFault) else self._known(example.number, row.rendered())
            for example, row in zip(examples, rows, strict=True)
        ]

    def _known(self, number: int, row: Rendered) -> Rendered | RowFault:
        """A row, or its fault if the model does not know one of its tokens."""
        unknown = self._unknown(row.input_ids)
        return RowFault(number, unknown) if unknown else row

    def _unknown(self, ids: Sequence[int]) -> str:
        """Which token the model has no embedding for, and what to do; empty if it knows all."""
        highest = max(ids, default=0)
        if self._embedding_rows is None or highest < self._embedding_rows:
            return ""
        return (
            f"token {highest} ({self._tokenizer.decode([highest])!r}) is beyond the model's "
            f"embedding: it has {self._embedding_rows:,} rows, the tokenizer "
            f"{len(self._tokenizer):,} tokens; set model.resize_embeddings, which adds and trains "
            "the missing rows, or take the tokens out of the tokenizer"
        )

    def prompt(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        """Token ids of a conversation up to the beginning of the model's next answer.

        Raises:
            BadInputError: The chat template refuses the conversation.
        """
        try:
            text = self.template.render(messages, tools, add_generation_prompt=True)
        except UnfitRowError as error:
            raise BadInputError(str(error).replace(" it: ", " this chat: ", 1)) from error
        ids = self._ids(text)
        if unknown := self._unknown(ids):
            raise BadInputError(unknown)
        return ids

    def tokens(self, text: str) -> list[int]:
        """Token ids of a text to be continued, as it is, after the beginning of a sequence."""
        return self._ids(f"{self.template.bos}{text}")

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def segments(self, example: Example) -> list[Segment]:
        """The text of a row as :meth:`render` cuts it, split where labels start and stop.

        Raises:
            BadInputError: The row cannot be rendered as it should be learned.
        """
        (row,) = self._tokenize([example])
        if isinstance(row, RowFault):
            raise _error(row)
        return row.segments(self.sequence_length)

    def _tokenize(
        self, examples: Sequence[Example]
    ) -> list[_TokenizedText | _GivenTokens | RowFault]:
        """Write rows and tokenise them all at once."""
        rows = [self._written(example) for example in examples]
        tokens = self._encode([row.text for row in rows if isinstance(row, WrittenRow)])
        return [
            _TokenizedText(row, *next(tokens)) if isinstance(row, WrittenRow) else row
            for row in rows
        ]

    def _written(self, example: Example) -> WrittenRow | _GivenTokens | RowFault:
        try:
            if example.tokens is not None:
                return _GivenTokens(self._tokenizer, example.tokens)
            return self._writer.write(example)
        except UnfitRowError as error:
            return RowFault(example.number, str(error))

    def _encode(self, texts: list[str]) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
        """The tokens of texts, and the characters that each of them covers."""
        if not texts:  # fast tokenizers refuse an empty list
            return iter(())
        encoded = self._tokenizer(
            texts,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )
        return zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)


@dataclass(frozen=True)
class _TokenizedText:
    """A row's text and its tokens.

    Attributes:
        row: The row as text.
        ids: Its tokens.
        offsets: Start and end of each token in the text, in characters.
    """

    row: WrittenRow
    ids: list[int]
    offsets: list[tuple[int, int]]

    def rendered(self) -> Rendered:
        """Label every token that shares a character with a span to learn."""
        labels = [IGNORE_INDEX] * len(self.ids)
        for span in self.row.spans:
            first = bisect_right(self.offsets, span.start, key=itemgetter(1))
            stop = bisect_left(self.offsets, span.end, key=itemgetter(0))
            labels[first:stop] = self.ids[first:stop]
        return Rendered(self.ids, labels, truncated=False, notes=self.row.notes)

    def segments(self, length: int) -> list[Segment]:
        """Split the text of the first ``length`` tokens where labels start and stop."""
        runs = _runs(self.rendered().labels[:length])
        starts = [0, *(self.offsets[tokens.start][0] for tokens, _ in runs[1:])]
        stops = [*starts[1:], self.offsets[runs[-1][0].stop - 1][1] if runs else 0]
        return [
            Segment(self.row.text[start:stop], trained)
            for start, stop, (_, trained) in zip(starts, stops, runs, strict=False)
        ]


class _GivenTokens:
    """A row that is in tokens already."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, tokens: Tokens) -> None:
        """Take the tokens as they are.

        Raises:
            UnfitRowError: The tokenizer does not have one of them.
        """
        self._tokenizer, self._tokens = tokenizer, tokens
        highest = max(tokens.input_ids, default=0)
        if highest >= len(tokenizer):
            raise UnfitRowError(
                f"token {highest} is not among the tokenizer's {len(tokenizer):,}; the row was "
                "tokenised for another model"
            )

    def rendered(self) -> Rendered:
        """The row as it is."""
        ids, labels = self._tokens
        return Rendered(list(ids), list(labels), truncated=False)

    def segments(self, length: int) -> list[Segment]:
        """The text of the first ``length`` tokens, split where labels start and stop."""
        ids, labels = self._tokens
        return [
            Segment(str(self._tokenizer.decode(list(ids[tokens.start : tokens.stop]))), trained)
            for tokens, trained in _runs(labels[:length])
        ]


def _runs(labels: Sequence[int]) -> list[tuple[range, bool]]:
    """Consecutive tokens that are all learned or all only read."""
    groups = groupby(range(len(labels)), key=lambda token: labels[token] != IGNORE_INDEX)
    runs = [(list(tokens), trained) for trained, tokens in groups]
    return [(range(tokens[0], tokens[-1] + 1), trained) for tokens, trained in runs]


def _error(fault: RowFault) -> BadInputError:
    return BadInputError(f"row {fault.number}: {fault.reason}")
