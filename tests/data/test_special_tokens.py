"""Special tokens are found in texts, the longest at each place."""

from __future__ import annotations

from tests.data import tokenizers
from tests.data.tokenizers import tokenizer_with
from workbench.data.special_tokens import SpecialTokens

TOKENS = SpecialTokens(
    tokenizer_with(tokenizers.CHATML, eos="<e>", special=("<e>f", "[x]", "^y", "]z"))
)


def test_the_longest_token_at_a_place_counts() -> None:
    assert TOKENS.at("a<e>f", 1) == "<e>f"
    assert TOKENS.at("a<e>g", 1) == "<e>"
    assert TOKENS.at("a<e>g", 0) == ""


def test_tokens_are_found_in_order() -> None:
    text = "<e> [x]<e>f^y ]z <z> "
    found = list(TOKENS.within(text))
    assert [token for _, token in found] == ["<e>", "[x]", "<e>f", "^y", "]z"]
    assert all(text[:end].endswith(token) for end, token in found)


def test_white_space_may_come_before() -> None:
    assert TOKENS.after_blanks("ab \n <e>f", 2) == " \n <e>f"
    assert TOKENS.after_blanks("ab <f>", 2) == ""


def test_a_text_ends_with_a_token() -> None:
    assert TOKENS.end("a<e>\n")
    assert not TOKENS.end("<e>a")
