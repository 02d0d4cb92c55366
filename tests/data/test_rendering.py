"""Exactly the answers are learned, each with its end token, whatever the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data import tokenizers
from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.core.errors import BadInputError
from workbench.data.formats import Example, Message
from workbench.data.rendering import IGNORE_INDEX, Renderer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

    from workbench.data.rendering import Rendered

SYSTEM = Message("system", "Be brief.")
FIRST = (Message("user", "Hi"), Message("assistant", "Hello!"))
SECOND = (Message("user", "Hello! 2+2?"), Message("assistant", "four"))


def render(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Message],
    *,
    assistant_only_loss: bool = True,
    sequence_length: int = 4096,
) -> Rendered:
    renderer = Renderer(tokenizer, assistant_only_loss, sequence_length)
    return renderer.render(Example(1, {}, messages=tuple(messages)))


def learned(tokenizer: PreTrainedTokenizerBase, row: Rendered) -> list[str]:
    """The learned stretches of text, read back from the labels alone."""
    stretches: list[list[int]] = [[]]
    for label in row.labels:
        if label != IGNORE_INDEX:
            stretches[-1].append(label)
        elif stretches[-1]:
            stretches.append([])
    return [str(tokenizer.decode(ids)) for ids in stretches if ids]


def test_an_answer_and_its_end_are_learned_and_nothing_else() -> None:
    tokenizer = byte_tokenizer()
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    row = render(tokenizer, FIRST)
    assert tokenizer.decode(row.input_ids) == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n"
    )
    assert learned(tokenizer, row) == ["Hello!<|im_end|>"]
    assert row.trained_tokens == len("Hello!") + 1
    assert not row.truncated


def test_every_answer_is_learned_even_if_its_words_occurred_before() -> None:
    tokenizer = byte_tokenizer()
    row = render(tokenizer, (SYSTEM, *FIRST, *SECOND))
    assert learned(tokenizer, row) == ["Hello!<|im_end|>", "four<|im_end|>"]
    tail = tokenizer("four<|im_end|>\n").input_ids
    assert row.input_ids[-len(tail) :] == tail
    assert row.labels[-len(tail) :] == [*tail[:-1], IGNORE_INDEX]


def test_labels_are_the_tokens_at_their_positions() -> None:
    row = render(byte_tokenizer(), (SYSTEM, *FIRST, *SECOND))
    assert all(
        label in (IGNORE_INDEX, token)
        for token, label in zip(row.input_ids, row.labels, strict=True)
    )


def test_all_tokens_are_learned_if_set() -> None:
    tokenizer = byte_tokenizer()
    row = render(tokenizer, FIRST, assistant_only_loss=False)
    assert row.labels == row.input_ids
    assert row.trained_tokens == len(row.input_ids) - 1


def test_an_answer_loses_the_space_around_it() -> None:
    spaced = (FIRST[0], Message("assistant", " \n Hello! \n"))
    assert render(byte_tokenizer(), spaced) == render(byte_tokenizer(), FIRST)


def test_a_blank_answer_has_no_labels() -> None:
    tokenizer = byte_tokenizer()
    row = render(tokenizer, (FIRST[0], Message("assistant", " "), *SECOND))
    assert learned(tokenizer, row) == ["four<|im_end|>"]


LLAMA_2 = tokenizer_with(tokenizers.LLAMA_2, bos="<s>", eos="</s>", begins_texts=True)


def test_llama_2_has_one_bos_a_turn_and_learns_its_eos() -> None:
    row = render(LLAMA_2, (SYSTEM, *FIRST, *SECOND))
    assert LLAMA_2.decode(row.input_ids) == (
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello! </s>"
        "<s>[INST] Hello! 2+2? [/INST] four </s>"
    )
    assert row.input_ids.count(LLAMA_2.bos_token_id) == 2
    assert learned(LLAMA_2, row) == [" Hello! </s>", " four </s>"]


def test_gemma_ends_turns_with_its_own_token_and_folds_the_system_prompt() -> None:
    tokenizer = tokenizer_with(
        tokenizers.GEMMA,
        bos="<bos>",
        eos="<eos>",
        special=("<start_of_turn>", "<end_of_turn>"),
        begins_texts=True,
    )
    row = render(tokenizer, (SYSTEM, *FIRST, *SECOND))
    assert learned(tokenizer, row) == ["Hello!<end_of_turn>", "four<end_of_turn>"]
    assert str(tokenizer.decode(row.input_ids)).startswith(
        "<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello!"
    )
    assert tokenizer.eos_token_id not in row.input_ids


def test_an_eos_after_the_last_turn_does_not_hide_earlier_end_tokens() -> None:
    special = ("<|user|>", "<|assistant|>", "<|end|>")
    tokenizer = tokenizer_with(tokenizers.PHI_3, eos="<|endoftext|>", special=special)
    row = render(tokenizer, (*FIRST, *SECOND))
    assert learned(tokenizer, row) == ["Hello!<|end|>", "four<|end|>"]


def test_a_template_that_drops_history_labels_what_it_keeps() -> None:
    tokenizer = tokenizer_with(tokenizers.LAST_EXCHANGE_ONLY)
    row = render(tokenizer, (*FIRST, *SECOND))
    assert tokenizer.decode(row.input_ids).count("Hello!") == 1
    assert learned(tokenizer, row) == ["four<|im_end|>"]


def test_a_template_that_strips_earlier_reasoning() -> None:
    tokenizer = tokenizer_with(tokenizers.REASONING_OF_LAST_TURN_ONLY)
    messages = (
        FIRST[0],
        Message("assistant", "<think>A greeting.</think>\n\nHello!"),
        SECOND[0],
        Message("assistant", "<think>Sum.</think>\n\nfour"),
    )
    row = render(tokenizer, messages)
    assert learned(tokenizer, row) == [
        "Hello!<|im_end|>",
        "<think>Sum.</think>\n\nfour<|im_end|>",
    ]


def test_generation_marks_are_used_and_the_end_token_is_added() -> None:
    tokenizer = tokenizer_with(tokenizers.MARKED)
    row = render(tokenizer, (SYSTEM, *FIRST, *SECOND))
    assert learned(tokenizer, row) == ["Hello!<|im_end|>", "four<|im_end|>"]
    assert row.input_ids == render(byte_tokenizer(), (SYSTEM, *FIRST, *SECOND)).input_ids


def test_labels_equal_the_mask_of_transformers() -> None:
    tokenizer = tokenizer_with(tokenizers.MARKED_WITH_END)
    messages = (SYSTEM, *FIRST, *SECOND)
    theirs: Any = tokenizer.apply_chat_template(
        [vars(message) for message in messages], return_assistant_tokens_mask=True, return_dict=True
    )
    for ours in (render(tokenizer, messages), render(byte_tokenizer(), messages)):
        assert ours.input_ids == theirs["input_ids"]
        assert [label != IGNORE_INDEX for label in ours.labels] == list(
            map(bool, theirs["assistant_masks"])
        )


def test_a_marking_template_may_refuse_system_prompts() -> None:
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    tokenizer = tokenizer_with(refusing + tokenizers.MARKED)
    assert learned(tokenizer, render(tokenizer, (SYSTEM, *FIRST))) == ["Hello!<|im_end|>"]


def test_a_template_that_shows_no_answer_is_refused() -> None:
    silent = "{% for message in messages %}{{ message['role'] }}{% endfor %}"
    with pytest.raises(BadInputError, match="row 1: the model's chat template drops the answer"):
        render(tokenizer_with(silent), FIRST)


def test_a_template_that_wants_contents_in_parts_gets_them() -> None:
    tokenizer = tokenizer_with(tokenizers.PARTS_ONLY)
    assert learned(tokenizer, render(tokenizer, FIRST)) == ["Hello!<|im_end|>"]


def test_without_end_tokens_the_last_answer_gets_an_eos() -> None:
    tokenizer = tokenizer_with(tokenizers.NO_END)
    row = render(tokenizer, (*FIRST, *SECOND))
    assert tokenizer.decode(row.input_ids) == (
        "[user] Hi\n\n[assistant] Hello!\n\n[user] Hello! 2+2?\n\n[assistant] four<|im_end|>"
    )
    assert learned(tokenizer, row) == ["Hello!", "four<|im_end|>"]


def test_without_a_template_a_plain_one_is_used() -> None:
    tokenizer = tokenizer_with(None, bos="<s>", eos="</s>", begins_texts=True)
    renderer = Renderer(tokenizer, assistant_only_loss=True, sequence_length=512)
    assert renderer.template.plain
    assert not Renderer(byte_tokenizer(), True, 512).template.plain
    row = render(tokenizer, (*FIRST, *SECOND))
    assert tokenizer.decode(row.input_ids) == (
        "<s>### User:\nHi\n\n### Assistant:\nHello!</s>\n\n"
        "### User:\nHello! 2+2?\n\n### Assistant:\nfour</s>\n\n"
    )
    assert learned(tokenizer, row) == ["Hello!</s>", "four</s>"]
    assert tokenizer.decode(renderer.prompt(FIRST[:1])) == "<s>### User:\nHi\n\n### Assistant:\n"


@pytest.mark.parametrize("begins_texts", [True, False])
def test_text_is_learned_whole_with_an_eos(begins_texts: bool) -> None:
    tokenizer = tokenizer_with(None, bos="<s>", eos="</s>", begins_texts=begins_texts)
    row = Renderer(tokenizer, True, 512).render(Example(1, {}, text="A document."))
    opening = "<s>" if begins_texts else ""
    assert tokenizer.decode(row.input_ids) == f"{opening}A document.</s>"
    assert row.labels == row.input_ids


@pytest.mark.parametrize(
    "tokenizer",
    [
        byte_tokenizer(),
        LLAMA_2,
        tokenizer_with(tokenizers.MARKED),
        tokenizer_with(tokenizers.NO_END),
        tokenizer_with(None),
    ],
    ids=["chatml", "llama-2", "marked", "no end", "no template"],
)
def test_a_row_begins_with_the_prompt_that_inference_uses(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    prompt = Renderer(tokenizer, True, 512).prompt((*FIRST, SECOND[0]))
    row = render(tokenizer, (*FIRST, *SECOND))
    assert row.input_ids[: len(prompt)] == prompt
    assert row.labels[len(prompt)] != IGNORE_INDEX
    assert row.labels[len(prompt) - 1] == IGNORE_INDEX


def test_rows_are_cut_on_the_right() -> None:
    tokenizer = byte_tokenizer()
    whole = render(tokenizer, FIRST)
    after_answer = len(whole.input_ids) - 2
    cut = render(tokenizer, FIRST, sequence_length=after_answer)
    assert cut.truncated
    assert cut.input_ids == whole.input_ids[:after_answer]
    assert learned(tokenizer, cut) == ["Hello!"]
    assert cut.learns


def test_a_row_whose_answer_is_cut_off_has_nothing_to_learn() -> None:
    cut = render(byte_tokenizer(), FIRST, sequence_length=20)
    assert cut.truncated
    assert not cut.learns
    assert cut.trained_tokens == 0


def test_a_refused_conversation_names_its_row() -> None:
    renderer = Renderer(LLAMA_2, True, 512)
    twice = Example(7, {}, messages=(FIRST[0], *FIRST))
    with pytest.raises(BadInputError, match=r"row 7: .* refuses it: roles must alternate"):
        renderer.render(twice)
    with pytest.raises(BadInputError, match="refuses this chat: roles must alternate"):
        renderer.prompt((FIRST[0], FIRST[0]))


def test_many_rows_render_as_one_by_one() -> None:
    renderer = Renderer(byte_tokenizer(), True, 4096)
    rows = [
        Example(1, {}, messages=FIRST),
        Example(2, {}, text="A document."),
        Example(3, {}, messages=(SYSTEM, *SECOND)),
    ]
    assert renderer.render_whole(rows) == [renderer.render(row) for row in rows]


words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20
).filter(lambda text: text.strip() and "<|" not in text)


@given(asked=st.lists(words, min_size=1, max_size=4), data=st.data())
def test_any_words_are_learned_unchanged(asked: list[str], data: st.DataObject) -> None:
    answers = [data.draw(words) for _ in asked]
    messages = [
        message
        for question, answer in zip(asked, answers, strict=True)
        for message in (Message("user", question), Message("assistant", answer))
    ]
    for tokenizer in (byte_tokenizer(), LLAMA_2):
        stretches = learned(tokenizer, render(tokenizer, messages))
        ends = [stretch.removesuffix(tokenizer.eos_token) for stretch in stretches]
        assert [end.strip() for end in ends] == [answer.strip() for answer in answers]
        assert all(map(str.__ne__, ends, stretches))


def test_segments_joined_are_the_text() -> None:
    tokenizer = byte_tokenizer()
    renderer = Renderer(tokenizer, True, 4096)
    example = Example(1, {}, messages=(Message("user", "Grüße 🎉?"), Message("assistant", "🎉 ja")))
    segments = renderer.segments(example)
    assert "".join(segment.text for segment in segments) == tokenizer.decode(
        renderer.render(example).input_ids
    )
    assert [segment.text for segment in segments if segment.trained] == ["🎉 ja<|im_end|>"]


def test_segments_end_where_the_row_is_cut() -> None:
    renderer = Renderer(byte_tokenizer(), True, 12)
    segments = renderer.segments(Example(1, {}, messages=FIRST))
    assert [(segment.text, segment.trained) for segment in segments] == [
        ("<|im_start|>user\nHi<|im_end|>\n<|im_start|>a", False)
    ]
