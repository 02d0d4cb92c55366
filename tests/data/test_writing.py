"""Texts, parts and tokens are read as they are, between one BOS and one EOS."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from tests.data import tokenizers
from tests.data.test_rendering import FIRST, SECOND, learned
from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.core.errors import BadInputError
from workbench.data.formats import Example, Message, Piece, Tokens
from workbench.data.rendering import Rendered, Renderer
from workbench.data.rows import RowFault
from workbench.data.template_settings import TemplateSettings
from workbench.data.writing import (
    ALREADY_RENDERED,
    HISTORY_DROPPED,
    OTHER_TEMPLATE,
    TOOLS_NOT_SHOWN,
)
from workbench.recipe.data import DataSection

if TYPE_CHECKING:
    from pathlib import Path

LLAMA = tokenizer_with(
    tokenizers.LLAMA_2, bos="<s>", eos="</s>", special=("<eot>",), begins_texts=True
)


@pytest.mark.parametrize(
    ("text", "whole", "notes"),
    [
        ("A text.", "<s>A text.</s>", ()),
        ("<s>A text.", "<s>A text.</s>", ()),
        ("<s>A text.</s>", "<s>A text.</s>", ()),
        ("A text.</s>\n", "<s>A text.</s>\n", ()),
        ("user: Hi<eot>bot: Hello<eot>", "<s>user: Hi<eot>bot: Hello<eot>", (ALREADY_RENDERED,)),
        ("<|im_start|>user\nHi", "<s><|im_start|>user\nHi</s>", (ALREADY_RENDERED,)),
        ("<|eot_id|>Hi", "<s><|eot_id|>Hi</s>", (OTHER_TEMPLATE,)),
        ("user: Hi<eot>bot: Hello", "<s>user: Hi<eot>bot: Hello</s>", (ALREADY_RENDERED,)),
    ],
)
def test_a_text_has_one_bos_and_one_end(text: str, whole: str, notes: tuple[str, ...]) -> None:
    row = Renderer(LLAMA, True, 512).render(Example(1, {}, text=text))
    assert LLAMA.decode(row.input_ids) == whole
    assert row.labels == row.input_ids
    assert row.notes == notes
    assert row.cut(2).notes == notes


def test_parts_are_learned_as_they_say() -> None:
    pieces = (Piece("<s>Q: Hi\n", False), Piece("A: Hello</s>", True), Piece("\nQ: Ja?", False))
    renderer = Renderer(LLAMA, True, 512)
    example = Example(1, {}, pieces=pieces)
    row = renderer.render(example)
    assert LLAMA.decode(row.input_ids) == "<s>Q: Hi\nA: Hello</s>\nQ: Ja?"
    assert learned(LLAMA, row) == ["A: Hello</s>"]
    assert [(part.text, part.trained) for part in renderer.segments(example)] == list(pieces)
    begun = renderer.render(Example(1, {}, pieces=pieces[1:]))
    assert LLAMA.decode(begun.input_ids) == "<s>A: Hello</s>\nQ: Ja?"


def test_tokens_are_taken_as_they_are() -> None:
    tokenizer = byte_tokenizer()
    ids = tuple(tokenizer("Hi there").input_ids)
    tokens = Tokens(ids, (-100, -100, *ids[2:]))
    renderer = Renderer(tokenizer, True, 512)
    row = renderer.render(Example(1, {}, tokens=tokens))
    assert (tuple(row.input_ids), tuple(row.labels)) == tokens
    segments = renderer.segments(Example(1, {}, tokens=tokens))
    assert [(part.text, part.trained) for part in segments] == [("Hi", False), (" there", True)]


def test_tokens_of_another_tokenizer_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"row 4: token 999 is not among the tokenizer's 258"):
        Renderer(byte_tokenizer(), True, 512).render(
            Example(4, {}, tokens=Tokens((1, 999), (1, 999)))
        )


def test_half_a_character_is_refused_by_row() -> None:
    row = Example(5, {}, messages=(FIRST[0], Message("assistant", "Great \ud83d")))
    with pytest.raises(BadInputError, match=r"row 5: its text has half of a character, \\ud83d"):
        Renderer(byte_tokenizer(), True, 512).render(row)


def test_tools_without_a_place_are_told() -> None:
    row = Example(1, {}, messages=FIRST, tools=({"type": "function"},))
    assert Renderer(byte_tokenizer(), True, 512).render(row).notes == (TOOLS_NOT_SHOWN,)


def test_answers_that_the_template_leaves_out_are_told() -> None:
    renderer = Renderer(tokenizer_with(tokenizers.LAST_EXCHANGE_ONLY), True, 512)
    rows = [Example(1, {}, messages=chat) for chat in (FIRST, (*FIRST, *SECOND))]
    assert [row.notes for row in renderer.render_all(rows)] == [(), (HISTORY_DROPPED,)]


def test_the_prompt_shows_tools_and_thoughts_as_the_row_does() -> None:
    template = (
        "{{ tools | length }}{% for m in messages %}[{{ m.reasoning_content }}|{{ m.content }}]"
        "{% endfor %}"
    )
    tokenizer = tokenizer_with(template)
    said = Message("assistant", "<think>so</think>Hello")
    chat = (FIRST[0], said, FIRST[0])
    prompt = Renderer(tokenizer, True, 512).prompt(chat, ({"type": "function"},))
    assert tokenizer.decode(prompt) == "1[|Hi][so|Hello][|Hi]"


def test_the_system_prompt_of_the_recipe_is_for_conversations_without_one() -> None:
    settings = TemplateSettings(system_prompt="Be kind.")
    renderer = Renderer(byte_tokenizer(), True, 512, settings)
    own = (Message("system", "Be brief."), *FIRST)
    texts = [
        str(byte_tokenizer().decode(renderer.render(Example(1, {}, messages=row)).input_ids))
        for row in (FIRST, own)
    ]
    assert texts[0].startswith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi")
    assert "Be kind." not in texts[1]
    prompt = str(byte_tokenizer().decode(renderer.prompt(FIRST[:1])))
    assert texts[0].startswith(prompt)


def test_the_end_of_a_turn_of_the_recipe_ends_answers() -> None:
    settings = TemplateSettings(end_of_turn="<done>")
    plain = tokenizer_with(None, eos="</s>")
    row = Renderer(plain, True, 512, settings).render(Example(1, {}, messages=(*FIRST, *SECOND)))
    assert learned(plain, row) == ["Hello!<done>", "four<done>"]
    unended = tokenizer_with(tokenizers.NO_END)
    row = Renderer(unended, True, 512, settings).render(Example(1, {}, messages=FIRST))
    assert learned(unended, row) == ["Hello!<done>"]


def test_the_date_is_that_of_the_settings() -> None:
    template = "{{ strftime_now('%d %b %Y') }} {{ strftime_now( \"%Y\" ) }}" + tokenizers.CHATML
    settings = TemplateSettings(today=dt.date(2024, 7, 6))
    renderer = Renderer(tokenizer_with(template), True, 512, settings)
    text = str(byte_tokenizer().decode(renderer.prompt(FIRST[:1])))
    assert text.startswith("06 Jul 2024 2024<|im_start|>")


def test_a_template_from_a_file_replaces_the_model_s(tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text(tokenizers.NO_END, encoding="utf-8")
    settings = TemplateSettings.of(DataSection(chat_template=str(file)))
    renderer = Renderer(byte_tokenizer(), True, 512, settings)
    assert byte_tokenizer().decode(renderer.prompt(FIRST[:1])) == "[user] Hi\n\n[assistant] "


def test_a_template_of_the_tokenizer_is_chosen_by_name() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = {"rag": tokenizers.NO_END, "tool_use": tokenizers.CHATML}
    with pytest.raises(BadInputError, match=r"set data.chat_template to one of rag, tool_use"):
        Renderer(tokenizer, True, 512)
    settings = TemplateSettings.of(DataSection(chat_template="rag"))
    prompt = Renderer(tokenizer, True, 512, settings).prompt(FIRST[:1])
    assert str(tokenizer.decode(prompt)).startswith("[user] Hi")
    unknown = TemplateSettings.of(DataSection(chat_template="chat"))
    with pytest.raises(BadInputError, match=r"there is no file chat, .* \(rag, tool_use\)"):
        Renderer(tokenizer, True, 512, unknown)


def test_an_invalid_template_names_its_line() -> None:
    settings = TemplateSettings(source="{{ bos_token }}\n{% for %}")
    with pytest.raises(BadInputError, match="line 2 is not valid Jinja"):
        Renderer(byte_tokenizer(), True, 512, settings)


def test_tokens_beyond_the_embedding_are_refused_with_both_sizes() -> None:
    tokenizer = tokenizer_with(tokenizers.CHATML, special=("<part>",))
    rows = [
        Example(number, {}, messages=(FIRST[0], Message("assistant", answer)))
        for number, answer in enumerate(("none", "a <part>"), 1)
    ]
    assert all(isinstance(row, Rendered) for row in Renderer(tokenizer, True, 99).try_render(rows))
    first, second = Renderer(tokenizer, True, 99, embedding_rows=258).try_render(rows)
    assert isinstance(first, Rendered)
    assert second == RowFault(
        2,
        "token 258 ('<part>') is beyond the model's embedding: it has 258 rows, the tokenizer 259 "
        "tokens; set model.resize_embeddings, which adds and trains the missing rows, or take the "
        "tokens out of the tokenizer",
    )
