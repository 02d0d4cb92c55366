"""Models that think are trained and asked without a thought, with the same tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.data import tokenizers
from tests.data.test_rendering import FIRST, SECOND, learned, render
from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.core.errors import BadInputError
from workbench.data.formats import Message
from workbench.data.rendering import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

QWEN3 = tokenizer_with(tokenizers.THINKS_IF_TOLD)
R1 = tokenizer_with(
    tokenizers.ALWAYS_THINKS,
    bos="<s>",
    eos="</s>",
    special=("<|User|>", "<|Assistant|>"),
    begins_texts=True,
)
both = pytest.mark.parametrize("tokenizer", [QWEN3, R1], ids=["qwen3", "r1"])


@both
def test_a_prompt_ends_with_an_empty_thought(tokenizer: PreTrainedTokenizerBase) -> None:
    renderer = Renderer(tokenizer, True, 512)
    assert renderer.template.thinking == "off"
    text = str(tokenizer.decode(renderer.prompt(FIRST[:1])))
    assert text.endswith("<think>\n\n</think>\n\n")
    assert text.count("<think>") == 1


@both
@pytest.mark.parametrize("rows", [FIRST, (*FIRST, *SECOND)], ids=["one turn", "two turns"])
def test_a_row_is_learned_after_the_prompt_that_inference_uses(
    tokenizer: PreTrainedTokenizerBase, rows: tuple[Message, ...]
) -> None:
    prompt = Renderer(tokenizer, True, 512).prompt(rows[:-1])
    row = render(tokenizer, rows)
    assert row.input_ids[: len(prompt)] == prompt
    answers = [message.content for message in rows if message.role == "assistant"]
    assert [text.partition("<")[0].strip() for text in learned(tokenizer, row)] == answers


@pytest.mark.parametrize(
    ("tokenizer", "thought"),
    [(QWEN3, "<think>\nA greeting.\n</think>\n\n"), (R1, "A greeting.\n</think>\n\n")],
    ids=["qwen3", "r1"],
)
@pytest.mark.parametrize(
    "answer",
    [
        Message("assistant", "<think>A greeting.</think>Hey!"),
        Message("assistant", "<think>\nA greeting.\n</think>\n\nHey!"),
        Message("assistant", "A greeting.</think>Hey!"),
        Message("assistant", "Hey!", reasoning="A greeting."),
    ],
    ids=["tight", "usual", "not opened", "field"],
)
def test_a_thought_in_the_data_is_learned_from_where_the_model_begins_it(
    tokenizer: PreTrainedTokenizerBase, thought: str, answer: Message
) -> None:
    row = render(tokenizer, (FIRST[0], answer))
    assert learned(tokenizer, row) == [f"{thought}Hey!{tokenizer.eos_token}"]
    assert str(tokenizer.decode(row.input_ids)).count("<think>") == 1


def test_an_earlier_thought_is_dropped_as_the_template_drops_it() -> None:
    first = Message("assistant", "<think>A greeting.</think>Hey!")
    row = render(R1, (FIRST[0], first, *SECOND))
    assert learned(R1, row) == ["Hey!</s>", "four</s>"]
    assert "A greeting" not in str(R1.decode(row.input_ids))


def test_a_thought_without_a_place_is_refused() -> None:
    tokenizer = tokenizer_with(tokenizers.GEMMA, bos="<bos>", special=("<end_of_turn>",))
    with pytest.raises(BadInputError, match=r"row 1: .* no place for the thought of an answer"):
        render(tokenizer, (FIRST[0], Message("assistant", "Hey!", reasoning="A greeting.")))


def test_a_template_that_only_mentions_thoughts_gets_tokens_for_one() -> None:
    renderer = Renderer(tokenizer_with(tokenizers.REASONING_OF_LAST_TURN_ONLY), True, 512)
    assert renderer.template.thinking == "stripped"
    prompt = str(byte_tokenizer().decode(renderer.prompt(FIRST[:1])))
    assert prompt.endswith("<|im_start|>assistant\n")


@pytest.mark.parametrize("template", [tokenizers.CHATML, tokenizers.GEMMA, tokenizers.PARTS_ONLY])
def test_other_templates_are_left_as_they_are(template: str) -> None:
    tokenizer = tokenizer_with(template, bos="<bos>")
    assert Renderer(tokenizer, True, 512).template.thinking == ""
