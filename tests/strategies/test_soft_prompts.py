"""Soft prompts: how they start, count parameters, train and answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoTokenizer

from tests.strategies.cases import IDS, logits, setup, snapshot, strategy_of, take_steps
from tests.tiny import Architecture, make_tiny_model
from workbench.core.errors import BadInputError
from workbench.evaluation.run.generation import greedy_answers
from workbench.models.describing import read_facts
from workbench.models.loss import labelled_nll
from workbench.models.model_facts import ModelFacts
from workbench.recipe import yaml_io
from workbench.recipe.model import ModelSection
from workbench.recipe.training import TrainingSection

if TYPE_CHECKING:
    from pathlib import Path

    from tests.strategies.cases import Setup

KINDS = ("prompt_tuning", "prefix_tuning", "p_tuning")
TEXT = "Say it in plain words."


def prompt_of(model) -> torch.Tensor:
    """The virtual tokens' embeddings as the model sees them."""
    return model.get_prompt(1)[0].detach()


def read_text_first(case: Setup, tokens: int) -> torch.Tensor:
    """The base's logits when it reads the starting text as ordinary tokens before ``IDS``."""
    tokenizer = AutoTokenizer.from_pretrained(case.folder)
    ids = (tokenizer(TEXT).input_ids * tokens)[:tokens]
    before = torch.tensor([ids]).expand(IDS.shape[0], -1)
    with torch.no_grad():
        whole = case.base()(input_ids=torch.cat([before, IDS], dim=1)).logits
    return whole[:, tokens:]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_start_from_text_is_the_base_reading_that_text(
    tmp_path: Path, architecture: Architecture, kind: str
) -> None:
    case = setup(
        make_tiny_model(tmp_path, architecture),
        kind,
        num_virtual_tokens=12,
        prompt_tuning_init="text",
        prompt_tuning_init_text=TEXT,
    )
    model = case.strategy.prepare(case.base())
    found = logits(model)[:, -IDS.shape[1] :]
    torch.testing.assert_close(found, read_text_first(case, 12), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["prompt_tuning", "p_tuning"])
def test_starting_from_the_vocabulary_uses_real_tokens(tiny_model: Path, kind: str) -> None:
    case = setup(tiny_model, kind, num_virtual_tokens=9)
    base = case.base()
    vocabulary = base.get_input_embeddings().weight.detach().clone()
    start = prompt_of(case.strategy.prepare(base))
    distances = (start[:, None] - vocabulary[None]).norm(dim=2)
    assert distances.min(dim=1).values.max() < 1e-5
    assert len(set(distances.argmin(dim=1).tolist())) > 1


def test_a_zero_prefix_adds_nothing_but_draws_attention(tiny_model: Path) -> None:
    case = setup(tiny_model, "prefix_tuning", prompt_tuning_init="zero", num_virtual_tokens=5)
    model = case.strategy.prepare(case.base())
    cache = model.get_prompt(1)
    assert all(not keys.any() and not values.any() for keys, values, *_ in cache)
    assert (logits(model) - logits(case.base())).abs().max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_a_longer_text_is_truncated_and_a_shorter_one_repeated(tiny_model: Path, kind: str) -> None:
    case = setup(
        tiny_model,
        kind,
        num_virtual_tokens=50,
        prompt_tuning_init="text",
        prompt_tuning_init_text="ab",
    )
    model = case.strategy.prepare(case.base())
    take_steps(model, 1)
    assert logits(model).isfinite().all()
    assert case.strategy.virtual_tokens() == 50


def batch() -> dict[str, torch.Tensor]:
    mask = torch.ones_like(IDS)
    mask[1, 14:] = 0
    labels = IDS.masked_fill(mask == 0, -100)
    labels[:, :4] = -100
    return {"input_ids": IDS, "attention_mask": mask, "labels": labels}


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_behind_virtual_tokens_is_pefts_own(
    tmp_path: Path, architecture: Architecture, kind: str
) -> None:
    case = setup(make_tiny_model(tmp_path, architecture), kind, num_virtual_tokens=6)
    model = case.strategy.prepare(case.base()).eval()
    expected = model(**batch()).loss
    expected.backward()
    gradients = [p.grad.clone() for p in model.parameters() if p.requires_grad]
    model.zero_grad()
    nll, count = labelled_nll(model, batch())
    assert count == 16 + 10
    torch.testing.assert_close(nll / count, expected)
    (nll / count).backward()
    found = [p.grad for p in model.parameters() if p.requires_grad]
    for one, other in zip(found, gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3"])
@pytest.mark.parametrize("kind", KINDS)
def test_answers_do_not_depend_on_the_batch(
    tmp_path: Path, architecture: Architecture, kind: str
) -> None:
    folder = make_tiny_model(tmp_path, architecture, seed=3)
    case = setup(folder, kind, num_virtual_tokens=7)
    model = case.strategy.prepare(case.base())
    take_steps(model)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = [tokenizer(text).input_ids for text in ("a", "bc", "de", "a long question?", "f")]
    together = greedy_answers(model, tokenizer, prompts, max_new_tokens=8, batch_size=5)
    for prompt, answer in zip(prompts, together, strict=True):
        tokens = torch.tensor([prompt])
        for _ in range(8):
            with torch.no_grad():
                scores = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
            tokens = torch.cat([tokens, scores[:, -1:].argmax(dim=-1)], dim=1)
            if tokens[0, -1] == tokenizer.eos_token_id:
                break
        expected = tokenizer.decode(tokens[0, len(prompt) :], skip_special_tokens=True)
        assert answer == expected.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_no_weight_changes_and_detaching_restores_the_base(tiny_model: Path, kind: str) -> None:
    case = setup(tiny_model, kind)
    base = case.base()
    before, tensors = logits(base), snapshot(base)
    model = case.strategy.prepare(base)
    take_steps(model)
    inside = model.get_base_model().state_dict()
    assert all(torch.equal(inside[name], tensor) for name, tensor in tensors.items())
    with case.strategy.disabled_adapter(model):
        assert torch.equal(logits(model), before)


def test_prefix_tuning_with_checkpointing_is_refused(tiny_model: Path) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    prefix = strategy_of("prefix_tuning")
    prefix.check(facts, TrainingSection())
    with pytest.raises(BadInputError, match="turn one of the two off"):
        prefix.check(facts, TrainingSection(gradient_checkpointing=True))


@pytest.mark.parametrize("kind", KINDS)
def test_more_virtual_tokens_than_context_are_refused(tiny_model: Path, kind: str) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    strategy_of(kind, num_virtual_tokens=511).check(facts, TrainingSection())
    with pytest.raises(BadInputError, match="512 leave no room in a context of 512"):
        strategy_of(kind, num_virtual_tokens=512).check(facts, TrainingSection())


def test_models_whose_key_size_is_unknown_are_refused() -> None:
    facts = ModelFacts(
        source="odd",
        architecture="OddForCausalLM",
        model_type="odd",
        parameters=1,
        layers=1,
        hidden_size=8,
        vocabulary=1,
        context=99,
        dtype="float32",
        shapes={"layers.0.attn.query_key_value.weight": (10, 8)},
    )
    with pytest.raises(BadInputError, match="cannot tell the size of OddForCausalLM's keys"):
        strategy_of("prefix_tuning").check(facts, TrainingSection())


def test_random_initialisations_are_not_offered() -> None:
    for kind in KINDS:
        with pytest.raises(BadInputError, match=r"strategy\.prompt_tuning_init: must be one of"):
            yaml_io.validate({"strategy": {"kind": kind, "prompt_tuning_init": "random"}})
