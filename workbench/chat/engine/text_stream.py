"""Tokens to text while they arrive, without decoding the whole answer for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
_MOST_WAITING = 8
"""Tokens that may wait for the rest of a character; UTF-8 needs at most four bytes."""


class TextStream:
    """Decodes a window of the last tokens only: those shown last, and those that are new.

    The window includes the tokens shown last, because many tokenizers decode a token differently at
    the start of a text.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Start an empty answer."""
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._window = 0
        self._shown = 0

    @property
    def tokens(self) -> list[int]:
        """All tokens so far."""
        return self._tokens

    def push(self, token: int) -> str:
        """Add a token and return the text it completes; empty while a character is incomplete."""
        self._tokens.append(token)
        text = self._decode(self._window, None)
        waiting = len(self._tokens) - self._shown
        if text.endswith(_INCOMPLETE) and waiting < _MOST_WAITING:
            return ""
        new = text[len(self._decode(self._window, self._shown)) :]
        self._window, self._shown = self._shown, len(self._tokens)
        return new

    def text(self) -> str:
        """Decode the whole answer at once."""
        return self._decode(0, None)

    def _decode(self, start: int, end: int | None) -> str:
        ids = self._tokens[start:end]
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))
