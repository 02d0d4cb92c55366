"""Likelihoods of options equal those of a plain loop, however they are batched."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from tests.strategies.cases import setup, take_steps
from tests.tiny import make_tiny_model
from workbench.evaluation.run import likelihoods
from workbench.evaluation.run.likelihoods import MultipleChoice, option_likelihoods

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tiny import Architecture

VIRTUAL = ("prompt_tuning", "prefix_tuning", "p_tuning")


def draw_questions() -> list[MultipleChoice]:
    """Prompts of 1 to 40 tokens with 2 to 5 options of 1 to 6 tokens."""
    draw = random.Random(0)  # noqa: S311 - test data

    def tokens(least: int, most: int) -> list[int]:
        return [draw.randrange(200) for _ in range(draw.randint(least, most))]

    return [
        MultipleChoice(tokens(1, 40), [tokens(1, 6) for _ in range(draw.randint(2, 5))])
        for _ in range(9)
    ]


QUESTIONS = draw_questions()


def plain_loop(model, question: MultipleChoice) -> list[float]:
    """Each option alone after its whole prompt: no batch, no padding, no cache, float64 sums."""
    found = []
    for option in question.options:
        ids = torch.tensor([[*question.prompt, *option]])
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        scores = logits[0, -len(option) - 1 : -1].double().log_softmax(-1)
        found.append(sum(float(row[token]) for row, token in zip(scores, option, strict=True)))
    return found


def assert_plain(found, model, questions=QUESTIONS) -> None:
    model.eval()
    assert len(found) == len(questions)
    for likelihoods_, question in zip(found, questions, strict=True):
        expected = plain_loop(model, question)
        assert [one.log_prob for one in likelihoods_] == pytest.approx(expected, abs=2e-5)
        assert [one.tokens for one in likelihoods_] == [len(one) for one in question.options]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3"])
@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_they_equal_a_plain_loop(
    tmp_path: Path, architecture: Architecture, batch_size: int
) -> None:
    folder = make_tiny_model(tmp_path, architecture)
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    random_state = torch.get_rng_state()
    found = option_likelihoods(model, tokenizer, QUESTIONS, batch_size=batch_size)
    assert model.training
    assert torch.equal(torch.get_rng_state(), random_state)
    assert_plain(found, model)


def test_sliding_windows_shorter_than_the_prompt_are_respected(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path, "gemma3")
    config = AutoConfig.from_pretrained(folder, sliding_window=8)
    assert set(config.layer_types) == {"sliding_attention"}
    model = AutoModelForCausalLM.from_pretrained(folder, config=config)
    wide = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = option_likelihoods(model, tokenizer, QUESTIONS, batch_size=4)
    assert_plain(found, model)
    longest = max(range(len(QUESTIONS)), key=lambda index: len(QUESTIONS[index].prompt))
    assert found[longest][0].log_prob != pytest.approx(plain_loop(wide, QUESTIONS[longest])[0])


def test_one_token_options_need_one_forward_pass(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    questions = [MultipleChoice([1, 2, 3], [[4], [5]]), MultipleChoice([6], [[7], [8], [9]])]
    calls = []
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    found = option_likelihoods(model, tokenizer, questions)
    assert len(calls) == 1
    assert_plain(found, model, questions)


def test_the_mean_is_transformers_own_loss(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    prompt, option = [10, 20, 30], [40, 50, 60, 70]
    [[found, _]] = option_likelihoods(model, tokenizer, [MultipleChoice(prompt, [option, [1]])])
    ids = torch.tensor([[*prompt, *option]])
    labels = torch.tensor([[-100] * len(prompt) + option])
    with torch.no_grad():
        loss = model.eval()(input_ids=ids, labels=labels).loss
    assert -found.log_prob / found.tokens == pytest.approx(float(loss), abs=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_neither_order_nor_padding_side_matters(tiny_model: Path, side: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model, padding_side=side)
    order = torch.randperm(len(QUESTIONS), generator=torch.Generator().manual_seed(1)).tolist()
    found = option_likelihoods(model, tokenizer, [QUESTIONS[index] for index in order])
    assert_plain(found, model, [QUESTIONS[index] for index in order])


@pytest.mark.parametrize("kind", ["lora", "bottleneck", *VIRTUAL])
def test_adapters_equal_a_plain_loop(tiny_model: Path, kind: str) -> None:
    case = setup(tiny_model, kind)
    model = case.prepared()
    take_steps(model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    found = option_likelihoods(model, tokenizer, QUESTIONS, batch_size=4)
    assert_plain(found, model)
    moved = option_likelihoods(case.base(), tokenizer, QUESTIONS[:1])
    assert abs(moved[0][0].log_prob - found[0][0].log_prob) > 1e-3


@pytest.mark.parametrize("kind", ["lora", *VIRTUAL])
def test_a_prompt_is_read_once_unless_there_are_virtual_tokens(tiny_model: Path, kind: str) -> None:
    model = setup(tiny_model, kind).prepared()
    read: list[int] = []
    head = model.get_output_embeddings()
    head.register_forward_pre_hook(lambda _head, inputs: read.append(inputs[0].shape[0]))
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    question = MultipleChoice([1, 2, 3], [[4, 5], [6, 7], [8, 9]])
    option_likelihoods(model, tokenizer, [question])
    assert read == ([3] if kind in VIRTUAL else [1, 3])


def test_shared_cache_and_whole_sequences_agree(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    monkeypatch.setattr(likelihoods, "_can_share_cache", lambda _model: False)
    assert_plain(option_likelihoods(model, tokenizer, QUESTIONS, batch_size=4), model)


def test_long_questions_are_scored_in_smaller_batches(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    sizes: list[int] = []
    hook = model.get_input_embeddings().register_forward_hook(
        lambda _module, _inputs, output: sizes.append(output.shape[0] * output.shape[1])
    )
    monkeypatch.setattr(likelihoods, "_MAX_TOKENS", 64)
    monkeypatch.setattr(likelihoods, "_can_share_cache", lambda _model: False)
    questions = [MultipleChoice([1] * length, [[2, 3], [4]]) for length in (3, 4, 5, 6, 50, 28)]
    progress: list[tuple[int, int]] = []
    found = option_likelihoods(
        model, tokenizer, questions, report=lambda *numbers: progress.append(numbers)
    )
    hook.remove()
    assert sizes == [8 * 7, 2 * 29, 2 * 51]
    assert progress == [(4, 6), (5, 6), (6, 6)]
    assert_plain(found, model, questions)


def test_progress_counts_questions(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    progress: list[tuple[int, int]] = []
    option_likelihoods(
        model,
        tokenizer,
        QUESTIONS[:3],
        batch_size=2,
        report=lambda done, total: progress.append((done, total)),
    )
    assert progress == [(2, 3), (3, 3)]
    assert option_likelihoods(model, tokenizer, []) == []
