"""Text grows by complete characters, however the tokens split it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.tiny import byte_tokenizer
from workbench.chat.engine.text_stream import TextStream

TEXTS = ("plain words", "žluťoučký kůň", "漢字かな交じり文", "🧪👩‍🔬 fin", "a\n\n  b\t😀")


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_join_to_the_text_and_never_show_half_a_character(tokenizer, text):
    stream = TextStream(tokenizer)
    pieces = [stream.push(token) for token in tokenizer(text).input_ids]
    assert "".join(pieces) == text == stream.text()
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(pieces)


def test_special_tokens_are_not_shown(tokenizer):
    stream = TextStream(tokenizer)
    pieces = [stream.push(token) for token in tokenizer("yes<|im_end|>").input_ids]
    assert "".join(pieces) == "yes"


def test_bytes_that_are_not_text_do_not_wait_for_ever(tokenizer):
    stream = TextStream(tokenizer)
    broken = tokenizer.convert_tokens_to_ids("ÿ")  # byte 0xFF is in no UTF-8 text
    pieces = [stream.push(broken) for _ in range(20)]
    assert "".join(pieces).count("\N{REPLACEMENT CHARACTER}") >= 8


def test_work_per_token_does_not_grow_with_the_answer(tokenizer):
    decoded = []

    class Counting:
        def decode(self, ids, **options):
            decoded.append(len(ids))
            return tokenizer.decode(ids, **options)

    stream = TextStream(cast("Any", Counting()))
    for token in tokenizer("word " * 200).input_ids:
        stream.push(token)
    assert max(decoded) <= 2
