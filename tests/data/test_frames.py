"""A row that is rendered with a frame is the row that is located on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data import tokenizers
from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.data.answers import AnswerFinder
from workbench.data.formats import Message
from workbench.data.frames import FramedFinder
from workbench.data.rows import UnfitRowError
from workbench.data.templates import ChatTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence

GEMMA = tokenizer_with(
    tokenizers.GEMMA, bos="<bos>", eos="<eos>", special=("<start_of_turn>", "<end_of_turn>")
)
TEMPLATES = [
    ChatTemplate(tokenizer)
    for tokenizer in (
        byte_tokenizer(),
        GEMMA,
        tokenizer_with(tokenizers.MARKED_WITH_END),
        tokenizer_with(tokenizers.THINKS_IF_TOLD),
        tokenizer_with(tokenizers.ALWAYS_THINKS, bos="<s>", eos="</s>"),
        tokenizer_with(tokenizers.NO_END),
    )
]
words = st.one_of(
    st.sampled_from(["a", " spaced ", "assistant", "<|im_end|>", "think", "<think>b</think>c", ""]),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
exchanges = st.lists(st.tuples(words, words, st.booleans()), min_size=1, max_size=3)


def _chat(turns: Sequence[tuple[str, str, bool]], system: bool) -> list[Message]:
    chat = [Message("system", "Be brief.")] if system else []
    for asked, said, trained in turns:
        chat += [Message("user", asked), Message("assistant", said, trained)]
    return chat


@pytest.mark.parametrize("template", TEMPLATES)
@given(turns=exchanges, system=st.booleans())
def test_frames_change_nothing(
    template: ChatTemplate, turns: list[tuple[str, str, bool]], system: bool
) -> None:
    chat, finder = _chat(turns, system), FramedFinder(template)
    try:
        alone = AnswerFinder(template).find(chat)
    except UnfitRowError:
        with pytest.raises(UnfitRowError, match="the model's chat template"):
            finder.find(chat)
        return
    assert [finder.find(chat) for _ in range(3)] == [alone] * 3


def test_a_shape_that_comes_again_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    template, renderings = TEMPLATES[0], []
    finder = FramedFinder(template)
    chat = _chat([("Hi", "Hello", True)], system=False)
    for _ in range(2):
        finder.find(chat)
    write = ChatTemplate.write

    def counting(*args: object, **options: object) -> str:
        renderings.append(args)
        return write(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ChatTemplate, "write", counting)
    finder.find(_chat([("Who?", "Me", True)], system=False))
    assert len(renderings) == 1
