"""A resume that would learn other tokens is refused, and says what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.data import tokenizers
from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.core.errors import BadInputError
from workbench.data.rendering import Rendered
from workbench.planning.token_record import TokenRecord, require_tokens, save_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder

ROWS = [Rendered([1, 2, 3], [-100, 2, 3], False), Rendered([4, 5], [-100, 5], False)]


def test_the_same_tokens_are_accepted(new_run: Callable[..., RunFolder]) -> None:
    run = new_run()
    save_tokens(run, TokenRecord.of(ROWS, byte_tokenizer()))
    require_tokens(run, TokenRecord.of(ROWS, byte_tokenizer()))


@pytest.mark.parametrize(
    ("learned", "where"),
    [
        ([ROWS[0], Rendered([4, 6], [-100, 6], False)], "2 now, and row 2 is the first"),
        ([Rendered([1, 2, 3], [-100, -100, 3], False), ROWS[1]], "2 now, and row 1 is the first"),
        (ROWS[:1], "2 rows then, 1 now, and row 2 is the first"),
    ],
    ids=["another token", "another label", "a row less"],
)
def test_other_tokens_are_refused(
    new_run: Callable[..., RunFolder], learned: list[Rendered], where: str
) -> None:
    run = new_run()
    save_tokens(run, TokenRecord.of(ROWS, byte_tokenizer()))
    with pytest.raises(BadInputError, match=where):
        require_tokens(run, TokenRecord.of(learned, byte_tokenizer()))


def test_what_made_the_tokens_is_named() -> None:
    then = TokenRecord.of(ROWS, byte_tokenizer())
    now = TokenRecord.of(ROWS[:1], tokenizer_with(tokenizers.GEMMA))
    difference = then.difference(now)
    assert "the chat template was" in difference
    assert "the tokenizer was" not in difference
    assert "transformers" not in difference
    assert then.difference(TokenRecord.of(ROWS, tokenizer_with(tokenizers.GEMMA))) == ""


def test_a_missing_record_is_told(new_run: Callable[..., RunFolder]) -> None:
    with pytest.raises(BadInputError, match=r"tokens\.json is missing or unreadable"):
        require_tokens(new_run(), TokenRecord.of(ROWS, byte_tokenizer()))
