"""Rows as a model reads them: token ids, and labels on the tokens to learn."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.templates import ChatTemplate, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

    from workbench.data.formats import Example, Message

IGNORE_INDEX = -100
"""The label of a token that is read but not learned, as in torch's cross entropy."""


@dataclass(frozen=True)
class Rendered:
    """A row in tokens.

    Attributes:
        input_ids: Token ids, no padding.
        labels: As long as ``input_ids``: the id of a token to learn, else :data:`IGNORE_INDEX`.
        truncated: The row was longer and lost its end.
    """

    input_ids: list[int]
    labels: list[int]
    truncated: bool

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
        return Rendered(self.input_ids[:length], self.labels[:length], truncated)


@dataclass(frozen=True)
class Segment:
    """The text of consecutive tokens that are all learned, or all only read."""

    text: str
    trained: bool


class Renderer:
    """Renders rows with the model's chat template and labels the tokens to learn.

    The token that ends an answer is learned, what follows it is not. A text is tokenised as a
    whole, as in inference, and without a second BOS.

    Attributes:
        template: The model's chat template, or a plain one if it has none.
        sequence_length: Tokens that rows are cut to.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, assistant_only_loss: bool, sequence_length: int
    ) -> None:
        """Render for a model.

        Args:
            tokenizer: The model's; it must be a fast one, which knows where in the text each token
                is.
            assistant_only_loss: Label the answers only; otherwise all tokens.
            sequence_length: Longer rows lose their end.

        Raises:
            BadInputError: The tokenizer is not a fast one.
        """
        if not tokenizer.is_fast:
            raise BadInputError(
                f"{tokenizer.name_or_path}: its tokenizer does not report where in the text tokens "
                "are, so answers cannot be found; use a model with a fast tokenizer"
            )
        self.template = ChatTemplate(tokenizer)
        self.sequence_length = sequence_length
        self._tokenizer = tokenizer
        self._assistant_only_loss = assistant_only_loss

    def render(self, example: Example) -> Rendered:
        """Render one row, cut to the sequence length.

        Raises:
            BadInputError: The chat template refuses the row or drops its answers.
        """
        return self.render_all([example])[0]

    def render_all(self, examples: Sequence[Example]) -> list[Rendered]:
        """Render many rows at once, each cut to the sequence length.

        Raises:
            BadInputError: The chat template refuses a row or drops its answers; the text names it.
        """
        return [row.cut(self.sequence_length) for row in self.render_whole(examples)]

    def render_whole(self, examples: Sequence[Example]) -> list[Rendered]:
        """Render many rows at once, at their full length.

        Raises:
            BadInputError: The chat template refuses a row or drops its answers; the text names it.
        """
        return [row.rendered() for row in self._tokenize(examples)]

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a conversation up to the beginning of the model's next answer.

        Raises:
            BadInputError: The chat template refuses the conversation.
        """
        from jinja2 import TemplateError

        try:
            text = self.template.render(messages, add_generation_prompt=True)
        except TemplateError as error:
            raise BadInputError(f"the model's chat template refuses this chat: {error}") from error
        return self._ids(text)

    def tokens(self, text: str) -> list[int]:
        """Token ids of a text to be continued, as it is, after the beginning of a sequence."""
        return self._ids(f"{self.template.bos}{text}")

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def segments(self, example: Example) -> list[Segment]:
        """The text of a row as :meth:`render` cuts it, split where labels start and stop."""
        return self._tokenize([example])[0].segments(self.sequence_length)

    def _tokenize(self, examples: Sequence[Example]) -> list[_TokenizedText]:
        if not examples:  # fast tokenizers refuse an empty list
            return []
        texts = [self._text(example) for example in examples]
        encoded = self._tokenizer(
            [text for text, _ in texts],
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )
        tokens = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        return [
            _TokenizedText(text, spans, ids, offsets)
            for (text, spans), (ids, offsets) in zip(texts, tokens, strict=True)
        ]

    def _text(self, example: Example) -> tuple[str, list[Span]]:
        """The text of a row, and the spans of it to learn."""
        from jinja2 import TemplateError

        if example.text is not None:
            text = f"{self.template.bos}{example.text}{self.template.eos}"
            return text, [Span(0, len(text))]
        try:
            text, answers = self.template.render_with_answers(example.messages)
        except TemplateError as error:
            raise BadInputError(
                f"row {example.number}: the model's chat template refuses it: {error}"
            ) from error
        if not answers:
            raise BadInputError(f"row {example.number}: the model's chat template drops the answer")
        return text, answers if self._assistant_only_loss else [Span(0, len(text))]


@dataclass(frozen=True)
class _TokenizedText:
    """A row's text, the spans to learn, and its tokens.

    Attributes:
        text: The row as text.
        spans: The characters to learn.
        ids: Its tokens.
        offsets: Start and end of each token in the text, in characters.
    """

    text: str
    spans: list[Span]
    ids: list[int]
    offsets: list[tuple[int, int]]

    def rendered(self) -> Rendered:
        """Label every token that shares a character with a span to learn."""
        labels = [IGNORE_INDEX] * len(self.ids)
        starts, ends = [start for start, _ in self.offsets], [end for _, end in self.offsets]
        for span in self.spans:
            first, stop = bisect_right(ends, span.start), bisect_left(starts, span.end)
            labels[first:stop] = self.ids[first:stop]
        return Rendered(self.ids, labels, truncated=False)

    def segments(self, length: int) -> list[Segment]:
        """Split the text of the first ``length`` tokens where labels start and stop."""
        labels = self.rendered().labels[:length]
        groups = groupby(range(len(labels)), key=lambda token: labels[token] != IGNORE_INDEX)
        first_tokens = [(next(tokens), trained) for trained, tokens in groups]
        starts = [0, *(self.offsets[token][0] for token, _ in first_tokens[1:])]
        stops = [*starts[1:], self.offsets[len(labels) - 1][1] if labels else 0]
        return [
            Segment(self.text[start:stop], trained)
            for start, stop, (_, trained) in zip(starts, stops, first_tokens, strict=True)
        ]
