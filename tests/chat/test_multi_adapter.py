"""Rows of several lanes in one batch: each answers what it would answer alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Lfm2Config

from tests.chat.decoding_helpers import (
    answers,
    ask,
    both,
    decoder_on,
    expect_reference,
    lanes_of,
    reference,
    references_of,
    said,
)
from tests.chat.tuned_runs import load, tuned_model
from tests.tiny import byte_tokenizer, make_tiny_model
from workbench.chat.engine.cached_model import CachedModel, can_batch, pad_left
from workbench.chat.engine.decoding import Decoder, Row, make_batches
from workbench.chat.engine.lanes import open_lanes

ADAPTERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lora", {"r": 4, "use_rslora": True}),
    ("lora", {"init_lora_weights": "pissa", "target_modules": "attention"}),
    ("bottleneck", {"form": "houlsby"}),
    ("bottleneck", {"form": "parallel"}),
)


def rows_of(lanes, lengths):
    return [
        Row(lane, torch.arange(20, 20 + length)[None])
        for lane, length in zip(lanes.all, lengths, strict=True)
    ]


@pytest.fixture
def two_adapters(tiny_model, tmp_path):
    """Lanes of two LoRA results with different matrices and ranks, and where they came from."""
    results = []
    for seed, (kind, fields) in enumerate(ADAPTERS[:2]):
        folder = tmp_path / str(seed)
        strategy = tuned_model(tiny_model, kind, folder, seed=seed, **fields)
        results.append((f"lane{seed}", (strategy, folder)))
    return lanes_of(load(tiny_model), results), results


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "fields"), ADAPTERS)
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_forms_of_adapters_share_a_batch(architecture, kind, fields, tmp_path):
    base = make_tiny_model(tmp_path / "base", architecture, width=64)
    strategy = tuned_model(base, kind, tmp_path / "tuned", **fields)
    lanes = lanes_of(load(base), [("tuned", (strategy, tmp_path / "tuned"))])
    assert {lane.decoding for lane in lanes.facts()} == {"one batch"}
    references = references_of(strategy, base, tmp_path / "tuned")
    unlike = {"base": said("Hi"), "tuned": said("A question that is a little longer?")}
    done = expect_reference(decoder_on(lanes, base), references, unlike)
    assert done["base"].text != done["tuned"].text


def test_three_lanes_of_different_lengths_answer_as_each_alone(two_adapters, tiny_model):
    lanes, results = two_adapters
    references = {"base": load(tiny_model)}
    for name, (strategy, folder) in results:
        references[name] = strategy.load(load(tiny_model), folder).eval()
    conversations = {
        "base": said("Hello"),
        "lane0": said("A longer question?", "An answer.", "And then?"),
        "lane1": said("Why?"),
    }
    done = expect_reference(decoder_on(lanes, tiny_model), references, conversations)
    assert len({answer.text for answer in done.values()}) == 3


def test_rows_of_the_base_are_its_own_bit_for_bit(two_adapters):
    lanes, _ = two_adapters
    rows = rows_of(lanes, (9, 4, 6))
    (batch,) = make_batches(lanes, rows)
    (base, *tuned) = (logits for _, logits in batch.step(rows))
    expected = CachedModel(lanes.base).read(*pad_left([row.tokens[0] for row in rows]))
    assert torch.equal(base, expected[0])
    assert all(
        (logits - of_base).abs().max() > 1e-3
        for logits, of_base in zip(tuned, expected[1:], strict=True)
    )


def test_a_finished_row_leaves_with_its_keys_and_values(two_adapters):
    lanes, _ = two_adapters
    rows = rows_of(lanes, (3, 5, 4))
    (batch,) = make_batches(lanes, rows)
    for left in (3, 2, 1):
        unfinished = rows[-left:]
        for row, _ in batch.step(unfinished):
            row.tokens = torch.cat([row.tokens, torch.tensor([[7]])], dim=1)
        assert {layer.keys.shape[0] for layer in batch.model.cache.layers} == {left}
        assert batch.rows == unfinished


def test_the_others_continue_as_alone_when_one_stops(two_adapters, tiny_model):
    lanes, results = two_adapters
    strategy, folder = results[0][1]
    decoder = decoder_on(lanes, tiny_model)
    conversations = {"base": said("Hi"), "lane0": said("Tell me more, please.")}
    first = reference(load(tiny_model), decoder, conversations["base"])
    tuned = strategy.load(load(tiny_model), folder).eval()
    second = reference(tuned, decoder, conversations["lane0"])
    stop = next(token for token in first if token not in second)
    stopping = Decoder(lanes, decoder.tokenizer, decoder.render, 512, frozenset({stop}))
    done = answers(ask(stopping, conversations))
    assert list(done["base"].token_ids) == first[: first.index(stop) + 1]
    assert list(done["lane0"].token_ids) == second


@pytest.mark.parametrize(
    "layers", [["sliding_attention"] * 2, ["sliding_attention", "full_attention"]]
)
def test_sliding_windows_slide_over_each_rows_own_tokens(layers, tmp_path):
    base = make_tiny_model(tmp_path / "base", "gemma3", width=64)
    config = json.loads((base / "config.json").read_text())
    config |= {"sliding_window": 16, "layer_types": layers}
    (base / "config.json").write_text(json.dumps(config))
    strategy = tuned_model(base, "lora", tmp_path / "tuned")
    lanes = lanes_of(load(base), [("tuned", (strategy, tmp_path / "tuned"))])
    references = references_of(strategy, base, tmp_path / "tuned")
    decoder = decoder_on(lanes, base)
    for texts in (("Hi", "word " * 12), ("word " * 12, "Hi")):
        conversations = dict(zip(("base", "tuned"), map(said, texts), strict=True))
        expect_reference(decoder, references, conversations)


def test_adapters_and_full_models_answer_in_one_chat(tiny_model, tmp_path):
    results = {}
    for kind in ("lora", "full", "prompt_tuning"):
        results[kind] = (tuned_model(tiny_model, kind, tmp_path / kind), tmp_path / kind)
    lanes = lanes_of(load(tiny_model), results.items())
    ways = {lane.name: lane.decoding for lane in lanes.facts()}
    assert ways == {
        "base": "one batch",
        "lora": "one batch",
        "full": "in turns",
        "prompt_tuning": "in turns",
    }
    references = {
        name: strategy.load(load(tiny_model), folder).eval()
        for name, (strategy, folder) in results.items()
    }
    conversations = {name: both("Hi")["base"] for name in ("base", *results)}
    references["base"] = load(tiny_model)
    expect_reference(decoder_on(lanes, tiny_model), references, conversations)


def test_outside_of_a_step_the_hooked_model_is_the_base(two_adapters, tiny_model):
    lanes, _ = two_adapters
    ids = torch.arange(20, 29)[None]
    with torch.no_grad():
        torch.testing.assert_close(lanes.base(ids).logits, load(tiny_model)(ids).logits)


def test_a_base_without_a_plain_cache_answers_in_turns(tmp_path):
    tokenizer = byte_tokenizer()
    config = Lfm2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        layer_types=["conv", "full_attention"],
        eos_token_id=tokenizer.eos_token_id,
    )
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    strategy = tuned_model(tmp_path, "lora", tmp_path / "tuned")
    lanes = lanes_of(load(tmp_path), [("tuned", (strategy, tmp_path / "tuned"))])
    assert {lane.decoding for lane in lanes.facts()} == {"in turns"}
    references = references_of(strategy, tmp_path, tmp_path / "tuned")
    expect_reference(decoder_on(lanes, tmp_path), references, both("Hello"))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3"])
def test_usual_bases_answer_in_one_batch(architecture, tmp_path):
    assert can_batch(load(make_tiny_model(tmp_path, architecture)))


def test_positions_that_count_padding_are_detected(tmp_path, monkeypatch):
    base = load(make_tiny_model(tmp_path, "gpt2"))
    assert can_batch(base)
    monkeypatch.setattr(
        "workbench.chat.engine.cached_model.positions",
        lambda mask: torch.arange(mask.shape[1]).expand_as(mask),
    )
    assert not can_batch(base)


def test_without_another_lane_batching_is_not_tried(tiny_model):
    assert not open_lanes(load(tiny_model), []).shares_batch
