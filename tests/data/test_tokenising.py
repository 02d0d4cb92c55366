"""Datasets in tokens: nothing of a text is lost, and nothing that fits is cut."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.core.errors import BadInputError
from workbench.data import pieces
from workbench.data.formats import Example, Message
from workbench.data.pieces import cut_text, shorten, text_parts
from workbench.data.rendering import IGNORE_INDEX, Rendered, Renderer
from workbench.data.tokenising import open_tokenised, tokenise

if TYPE_CHECKING:
    from pathlib import Path

BOS, EOS = "<|im_start|>", "<|im_end|>"


def chat(number: int, answer: str, question: str = "Q") -> Example:
    messages = (Message("user", question), Message("assistant", answer))
    return Example(number, {}, messages=messages)


def text(content: str, number: int = 1) -> Example:
    return Example(number, {}, text=content)


def renderer(sequence_length: int, template: str | None = None) -> Renderer:
    return Renderer(
        tokenizer_with(template or byte_tokenizer().chat_template), True, sequence_length
    )


@given(
    tokens=st.integers(0, 60), length=st.integers(2, 12), overlap=st.integers(0, 11), cuts=st.data()
)
def test_every_token_of_a_text_is_in_one_piece_and_learned_once(
    tokens: int, length: int, overlap: int, cuts: st.DataObject
) -> None:
    overlap = min(overlap, length - 1)
    ids = list(range(tokens))
    cut = cuts.draw(st.integers(0, tokens))
    parts = [Rendered(part, part, truncated=False) for part in (ids[:cut], ids[cut:])]
    rows = list(cut_text(parts, length, overlap))
    assert all(len(row.input_ids) <= length for row in rows)
    assert all(len(row.input_ids) >= 2 for row in rows[1:])
    learned = [label for row in rows for label in row.labels if label != IGNORE_INDEX]
    assert learned == ids
    for before, row in pairwise(rows):
        repeated = row.labels.count(IGNORE_INDEX)
        assert repeated == overlap or (row is rows[-1] and repeated == max(1, overlap))
        assert row.input_ids[:repeated] == before.input_ids[length - repeated :]


def test_a_text_keeps_its_ends_on_the_first_and_the_last_piece() -> None:
    tokenizer = tokenizer_with(None, bos=BOS, begins_texts=True)
    rows = tokenise(Renderer(tokenizer, True, 8), [text("abcdefghijkl")]).rows
    assert [tokenizer.decode(row.input_ids) for row in rows] == [f"{BOS}abcdefg", f"hijkl{EOS}"]


def test_a_long_text_has_the_tokens_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PART", 50)
    tokenizer = tokenizer_with(None, bos=BOS, begins_texts=True)
    render = Renderer(tokenizer, True, 16)
    content = "some words of a text that is long " * 70
    (whole,) = render.render_whole([text(content)])
    rows = tokenise(render, [text("short"), text(content), text("short")]).rows
    assert rows.places.tolist() == [0, *[1] * (len(rows) - 2), 2]
    assert [token for row in rows[1:-1] for token in row.input_ids] == whole.input_ids


@given(st.text("ab \n", max_size=400))
def test_parts_of_a_text_are_the_text(content: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PART", 30)
        parts = text_parts(content)
    assert "".join(parts) == content
    assert all(len(part) <= 30 for part in parts)


def test_conversations_are_cut_and_those_without_an_answer_left_are_lost() -> None:
    render = renderer(40)
    fits = chat(1, "x")
    done = tokenise(render, [fits, chat(2, "y" * 50), chat(3, "z", question="q" * 60)])
    assert list(done.rows) == render.render_all([fits, chat(2, "y" * 50)])
    assert done.losses.cut == [2]
    assert done.losses.unlearnable == [3]
    assert done.rows.lengths.tolist() == [len(row.input_ids) for row in done.rows]
    assert done.rows.trained_tokens.tolist() == [row.trained_tokens for row in done.rows]


def test_a_row_that_the_template_refuses_is_named_and_the_others_stay() -> None:
    refusing = (
        "{% for m in messages %}{% if m.content == 'no' %}{{ raise_exception('not this') }}"
        "{% endif %}{{ m.role }} {{ m.content }}{{ eos_token }}{% endfor %}"
    )
    done = tokenise(renderer(40, refusing), [chat(4, "yes"), chat(7, "no"), chat(9, "yes")])
    assert len(done.rows) == 2
    assert [(fault.number, "not this" in fault.reason) for fault in done.losses.refused] == [
        (7, True)
    ]


@given(st.integers(1, 3000), st.booleans())
def test_the_end_of_a_huge_conversation_is_not_tokenised_but_nothing_that_is_kept_differs(
    size: int, first: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "_CHARACTERS_PER_TOKEN", 2)
        render = renderer(100)
        row = chat(1, "a", question="q" * size) if first else chat(1, "a" * size)
        short = shorten(row, 100)
        assert short.messages[0 if first else 1].content == ("q" if first else "a") * min(size, 200)
        assert render.render(short) == render.render(row)
        done = tokenise(render, [row])
    assert done.losses.shortened == ([1] if size > 200 else [])


def test_tokens_on_disk_are_those_in_memory(tmp_path: Path) -> None:
    render = renderer(40)
    rows = [chat(1, "x"), chat(2, "y" * 50), chat(3, "z", "q" * 60), text("t" * 100, 4)]
    kept = tokenise(render, rows, text_overlap=3, folder=tmp_path)
    again, memory = open_tokenised(tmp_path), tokenise(render, rows, text_overlap=3)
    assert list(kept.rows) == list(again.rows) == list(memory.rows)
    assert kept.losses == again.losses == memory.losses
    assert memory.losses.divided == [4]


def test_nothing_is_no_row(tmp_path: Path) -> None:
    assert len(tokenise(renderer(40), []).rows) == 0
    assert len(tokenise(renderer(40), [], folder=tmp_path).rows) == 0


def test_an_overlap_as_long_as_a_piece_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"data.text_overlap: 40 tokens leave nothing new"):
        tokenise(renderer(40), [text("a")], text_overlap=40)
