"""A tokenizer's special tokens, found in texts although there may be thousands of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedTokenizerBase

_BLANKS = re.compile(r"\s*")


class SpecialTokens:
    """The special tokens of a tokenizer.

    A place in a text is looked up once for each length that a token has, not for each token.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Collect the tokens of ``tokenizer``."""
        added = tokenizer.added_tokens_decoder.values()
        special = {str(token) for token in added if token.special}
        self._tokens = frozenset(special.union(tokenizer.all_special_tokens)) - {""}
        self._lengths = sorted({len(token) for token in self._tokens}, reverse=True)
        first = "".join(sorted({re.escape(token[0]) for token in self._tokens}))
        self._first = re.compile(f"[{first}]" if first else "(?!)")
        self._endings = tuple(self._tokens)

    def at(self, text: str, place: int) -> str:
        """The longest token that begins at a place; empty if none does."""
        pieces = (text[place : place + length] for length in self._lengths)
        return next((piece for piece in pieces if piece in self._tokens), "")

    def after_blanks(self, text: str, place: int) -> str:
        """The white space at a place and the token after it; empty if there is none."""
        blanks = _BLANKS.match(text, place)
        start = blanks.end() if blanks else place
        token = self.at(text, start)
        return text[place:start] + token if token else ""

    def within(self, text: str) -> Iterator[tuple[int, str]]:
        """The tokens in a text, each with the place where it ends."""
        end = 0
        for first in self._first.finditer(text):
            if first.start() >= end and (token := self.at(text, first.start())):
                end = first.start() + len(token)
                yield end, token

    def end(self, text: str) -> bool:
        """Whether a text ends with a token and perhaps white space."""
        return text.rstrip().endswith(self._endings)
