"""Rows as a model reads them: token ids, and labels on the tokens it shall learn."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.templates import ChatTemplate, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

    from workbench.data.formats import Example, Message

IGNORE_INDEX = -100
"""The label of a token that is read but not learned."""


@dataclass(frozen=True)
class Rendered:
    """A row in tokens.

    Attributes:
        input_ids: Token ids, no padding.
        labels: As long as ``input_ids``: the id where learned, :data:`IGNORE_INDEX` elsewhere.
        truncated: The row was longer and lost its end.
    """

    input_ids: list[int]
    labels: list[int]
    truncated: bool

    @property
    def trained_tokens(self) -> int:
        """How many tokens are predicted and learned; the first of a row has nothing before it."""
        return len(self.labels[1:]) - self.labels[1:].count(IGNORE_INDEX)

    @property
    def learns(self) -> bool:
        """Whether any token is left to learn."""
        return self.trained_tokens > 0

    def cut(self, length: int) -> Rendered:
        """The first ``length`` tokens."""
        truncated = self.truncated or len(self.input_ids) > length
        return Rendered(self.input_ids[:length], self.labels[:length], truncated)


@dataclass(frozen=True)
class Segment:
    """Text of neighbouring tokens that are all learned or all only read."""

    text: str
    trained: bool


class Renderer:
    """Renders rows with the model's own chat template and masks what is not to be learned.

    The token that ends an answer is learned, what stands behind it is not. Texts are tokenised
    whole, as in inference, and without a second BOS.

    Attributes:
        template: The model's chat template, or the plain one that stands in for it.
        sequence_length: Tokens kept of a row.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, assistant_only_loss: bool, sequence_length: int
    ) -> None:
        """Take the model's tokenizer.

        Args:
            tokenizer: A fast one, which knows the place of each token in the text.
            assistant_only_loss: Learn the answers; otherwise all tokens.
            sequence_length: Cut longer rows, on the right.

        Raises:
            BadInputError: The tokenizer is a slow one.
        """
        if not tokenizer.is_fast:
            raise BadInputError(
                f"{tokenizer.name_or_path}: its tokenizer does not tell where tokens stand in the "
                "text, so answers cannot be told from questions; use a model with a fast tokenizer"
            )
        self.template = ChatTemplate(tokenizer)
        self.sequence_length = sequence_length
        self._tokenizer = tokenizer
        self._assistant_only_loss = assistant_only_loss

    def render(self, example: Example) -> Rendered:
        """Render one row, cut to the sequence length.

        Raises:
            BadInputError: The chat template refuses the row or leaves its answers out.
        """
        return self.render_all([example])[0]

    def render_all(self, examples: Sequence[Example]) -> list[Rendered]:
        """Render rows, each cut to the sequence length, many at once.

        Raises:
            BadInputError: The chat template refuses a row or leaves its answers out; it is named.
        """
        return [row.cut(self.sequence_length) for row in self.render_whole(examples)]

    def render_whole(self, examples: Sequence[Example]) -> list[Rendered]:
        """Render rows at their full length, many at once.

        Raises:
            BadInputError: The chat template refuses a row or leaves its answers out; it is named.
        """
        return [row.rendered() for row in self._lay_out(examples)]

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a conversation that the model is to continue with its answer.

        Raises:
            BadInputError: The chat template refuses the conversation.
        """
        from jinja2 import TemplateError

        try:
            text = self.template.write(messages, answer_next=True)
        except TemplateError as error:
            raise BadInputError(f"the model's chat template refuses this chat: {error}") from error
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def segments(self, example: Example) -> list[Segment]:
        """The text of a row as :meth:`render` keeps it, cut where learning starts and stops."""
        return self._lay_out([example])[0].segments(self.sequence_length)

    def _lay_out(self, examples: Sequence[Example]) -> list[_Layout]:
        if not examples:  # which fast tokenizers do not take
            return []
        written = [self._write(example) for example in examples]
        encoded = self._tokenizer(
            [text for text, _ in written],
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )
        tokens = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        return [
            _Layout(text, spans, ids, offsets)
            for (text, spans), (ids, offsets) in zip(written, tokens, strict=True)
        ]

    def _write(self, example: Example) -> tuple[str, list[Span]]:
        from jinja2 import TemplateError

        if example.text is not None:
            text = f"{self.template.opening}{example.text}{self.template.closing}"
            return text, [Span(0, len(text))]
        try:
            text, answers = self.template.write_answered(example.messages)
        except TemplateError as error:
            raise BadInputError(
                f"row {example.number}: the model's chat template refuses it: {error}"
            ) from error
        if not answers:
            raise BadInputError(
                f"row {example.number}: the model's chat template leaves the answer out"
            )
        return text, answers if self._assistant_only_loss else [Span(0, len(text))]


@dataclass(frozen=True)
class _Layout:
    """A row's text, the spans to learn, and its tokens with their places in the text."""

    text: str
    learned: list[Span]
    ids: list[int]
    places: list[tuple[int, int]]

    def rendered(self) -> Rendered:
        """Label every token that shares a character with a learned span."""
        labels = [IGNORE_INDEX] * len(self.ids)
        starts, ends = [start for start, _ in self.places], [end for _, end in self.places]
        for span in self.learned:
            first, stop = bisect_right(ends, span.start), bisect_left(starts, span.end)
            labels[first:stop] = self.ids[first:stop]
        return Rendered(self.ids, labels, truncated=False)

    def segments(self, length: int) -> list[Segment]:
        labels = self.rendered().labels[:length]
        runs = groupby(range(len(labels)), key=lambda index: labels[index] != IGNORE_INDEX)
        firsts = [(next(indices), trained) for trained, indices in runs]
        starts = [0, *(self.places[index][0] for index, _ in firsts[1:])]
        stops = [*starts[1:], self.places[len(labels) - 1][1] if labels else 0]
        return [
            Segment(self.text[start:stop], trained)
            for start, stop, (_, trained) in zip(starts, stops, firsts, strict=True)
        ]
