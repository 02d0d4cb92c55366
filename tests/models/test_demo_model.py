"""The real demo model, as converted from its package: facts, tokenizer and an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from workbench.core.progress import silent
from workbench.models import smollm2
from workbench.models.demo import ensure_demo_model
from workbench.models.describing import folder_facts
from workbench.models.loading import load_base, load_tokenizer
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

pytestmark = pytest.mark.demo_model

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def folder() -> Path:
    return ensure_demo_model(silent)


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(ModelSection(), folder)


def test_its_facts_are_the_constants(folder: Path) -> None:
    facts, constants = folder_facts(folder, "demo"), smollm2.facts("demo")
    assert facts.parameters == constants.parameters == 134_515_008
    assert facts.shapes == constants.shapes
    differing = {"dtype", "bytes_on_disk", "shapes"}
    assert facts.model_dump(exclude=differing) == constants.model_dump(exclude=differing)


def test_its_chat_template_is_its_own(tokenizer: PreTrainedTokenizerBase) -> None:
    text = tokenizer.apply_chat_template(QUESTION, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        "<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_its_special_tokens_are_whole(tokenizer: PreTrainedTokenizerBase) -> None:
    assert len(tokenizer) == 49_152
    assert tokenizer("<|endoftext|><|im_start|><|im_end|>")["input_ids"] == [0, 1, 2]
    assert tokenizer.eos_token_id == tokenizer.pad_token_id == 2
    assert tokenizer.decode([1, 2], skip_special_tokens=True) == ""


def test_text_is_restored_and_digits_are_split(tokenizer: PreTrainedTokenizerBase) -> None:
    text = "In 1998,  naïve façade: 日本語 🙂\n\tdef f(x):\n    return x + 12.50 €"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.tokenize("in 1998") == ["in", "Ġ", "1", "9", "9", "8"]


def test_it_knows_the_capital_of_france(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    cpu = torch.device("cpu")
    model: Any = load_base(ModelSection(), folder, device=cpu, dtype=torch.float32)
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, return_dict=False)
    ids = model.generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False)[0]
    assert tokenizer.decode(ids[len(prompt) :]) == "The capital of France is Paris.<|im_end|>"
