"""Batched greedy answers equal unbatched ones, whatever the padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.tiny import make_tiny_model
from workbench.evaluation.run.generation import GenerationRequest, generate, greedy_answers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tiny import Architecture

PROMPTS = ["a", "what is the longest of these prompts?", "middle one", "b", "short"]


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_batches_answer_like_one_at_a_time(
    tmp_path: Path, architecture: Architecture, batch_size: int
) -> None:
    folder = make_tiny_model(tmp_path, architecture)
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(prompt).input_ids for prompt in PROMPTS]
    random = torch.get_rng_state()
    answers = greedy_answers(model, tokenizer, ids, max_new_tokens=9, batch_size=batch_size)
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    model.eval()
    for prompt, answer in zip(ids, answers, strict=True):
        tokens = list(prompt)
        while len(tokens) < len(prompt) + 9 and tokens[-1] != tokenizer.eos_token_id:
            tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
        expected = tokenizer.decode(tokens[len(prompt) :], skip_special_tokens=True).strip()
        assert answer == expected


def test_requests_of_all_lengths_and_seeds_are_answered_as_if_alone(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    requests = [
        GenerationRequest(tokenizer(prompt).input_ids, longest, seed)
        for prompt in PROMPTS
        for longest in (2, 7)
        for seed in (None, 0, 1)
    ]
    together = generate(model, tokenizer, requests, batch_size=4)
    assert together == [generate(model, tokenizer, [request])[0] for request in requests]
    assert {len(tokens) for tokens in together} <= set(range(1, 8))
    assert all(len(tokens) <= 2 for tokens in together[:3])
    greedy, first, second = together[3:6]
    assert greedy != first != second != greedy


def test_no_prompts_have_no_answers(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    assert greedy_answers(model, tokenizer, [], max_new_tokens=1) == []


def test_progress_counts_prompts(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    seen: list[tuple[int, int]] = []
    greedy_answers(
        model,
        tokenizer,
        [[1], [2], [3]],
        max_new_tokens=1,
        batch_size=2,
        report=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(2, 3), (3, 3)]
