"""A tuned lane answers as the result that its run saved, or says that it does not."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, OPTConfig, Qwen2MoeConfig

from tests.chat.decoding_helpers import both, expect_reference, references_of
from tests.chat.tuned_runs import finished_run, keep_fingerprint, load, tuned_model
from tests.tiny import byte_tokenizer
from workbench.chat.engine import multi_adapter
from workbench.chat.engine.base_check import check_base, lane_logits
from workbench.chat.engine.lane_check import open_checked
from workbench.chat.engine.loader import open_sources
from workbench.chat.engine.multi_adapter import CannotShareBatchError, RowSpan
from workbench.chat.headless import proof_line
from workbench.chat.protocol import Opened, Source
from workbench.evaluation.fingerprint import Numerics, save_fingerprint, take_fingerprint

SIZES: dict[str, Any] = {
    "vocab_size": 258,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
CONFIGS = {
    "opt": OPTConfig(
        **SIZES, ffn_dim=128, word_embed_proj_dim=64, max_position_embeddings=512, pad_token_id=257
    ),
    "qwen2_moe": Qwen2MoeConfig(
        **SIZES,
        num_key_value_heads=2,
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=64,
        shared_expert_intermediate_size=128,
        max_position_embeddings=512,
    ),
}
"""Models with modules that see all tokens of a batch in one dimension."""


def silent(_what, _done, _total):
    pass


def model_of(config, folder):
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def proven_run(runs, base, kind="lora", **fields):
    """A finished run that stored the logits of its base and of its result."""
    run = finished_run(runs, base, kind, **fields)
    keep_fingerprint(run, base)
    strategy = run.recipe().strategy
    tuned: Any = strategy.load(load(base, strategy), run.model)
    logits = take_fingerprint(tuned, AutoTokenizer.from_pretrained(base))
    save_fingerprint(logits, Numerics.of(tuned), run.tuned)
    return run


def open_run(run):
    return open_checked([Source(lane="tuned", run=str(run.path))], silent)


def decodings(checked):
    return [lane.decoding for lane in checked.decoder.lanes.facts()]


def expect_plain_peft(run, base, decoder):
    strategy = run.recipe().strategy
    expect_reference(decoder, references_of(strategy, base, run.model), both("What is it?"))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", CONFIGS)
def test_modules_that_see_all_tokens_at_once_share_a_batch(architecture, runs, tmp_path):
    base = model_of(CONFIGS[architecture], tmp_path / "base")
    run = proven_run(runs, base, shift=0.1)
    checked = open_run(run)
    assert checked.notes == {}
    assert decodings(checked) == ["one batch", "one batch"]
    expect_plain_peft(run, base, checked.decoder)


def swap_rows(span, tensor):
    return tensor[[-1 - span.start]]


def refuse(_span, tensor):
    raise CannotShareBatchError(f"a module sees {tuple(tensor.shape)}")


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [swap_rows, refuse])
@pytest.mark.parametrize("kind", ["lora", "bottleneck"])
def test_a_lane_that_is_wrong_in_a_batch_takes_turns(kind, wrong, runs, tiny_model, monkeypatch):
    run = proven_run(runs, tiny_model, kind)
    monkeypatch.setattr(RowSpan, "of", wrong)
    checked = open_run(run)
    assert checked.notes["tuned"].startswith("takes turns with the base: in one batch it did not")
    facts = checked.decoder.lanes.facts(checked.notes)
    assert [lane.decoding for lane in facts] == ["in turns", "in turns"]
    assert [lane.scalable for lane in facts] == [False, kind == "lora"]
    expect_plain_peft(run, tiny_model, checked.decoder)
    proof = check_base(checked.decoder.lanes, checked.logits, [run])
    assert proof.state == "proven"
    opened = Opened(lanes=facts, proof=proof, context=1, device="cpu", dtype="float32")
    assert f"; tuned: {checked.notes['tuned']}" in proof_line(opened)


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_result_that_was_exchanged_is_named(kind, runs, tiny_model):
    run = proven_run(runs, tiny_model, kind)
    shutil.rmtree(run.model)
    tuned_model(tiny_model, kind, run.model, seed=2)
    checked = open_run(run)
    assert checked.notes["tuned"].startswith(f"not the result that {run.id} saved (distance")
    assert "its base or its folder has changed" in checked.notes["tuned"]


def test_a_result_without_stored_logits_is_not_accused(runs, tiny_model):
    run = finished_run(runs, tiny_model, "lora")
    checked = open_run(run)
    assert checked.notes == {}
    assert decodings(checked) == ["one batch", "one batch"]


def test_a_base_that_became_the_result_is_named(runs, tiny_model, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(tiny_model, base)
    run = proven_run(runs, base, "full")
    shutil.copy(run.model / "model.safetensors", base / "model.safetensors")
    decoder = open_sources([Source(lane="tuned", run=str(run.path))], silent)
    proof = check_base(decoder.lanes, lane_logits(decoder.lanes, decoder.tokenizer), [run])
    assert proof.state == "refuted"
    assert f"it answers as the result of {run.id}, which was merged into it" in proof.text


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 5, 2), slice(1, 2)), ((15, 2), slice(5, 10)), ((3, 2), slice(1, 2))],
)
def test_the_rows_of_a_lane_are_found_in_both_shapes(shape, expected):
    tensor = torch.arange(float(torch.tensor(shape).prod())).reshape(shape)
    span = RowSpan("tuned", 1, 2, 3, 1.0)
    assert torch.equal(span.of(tensor), tensor[expected])


@pytest.mark.parametrize("shape", [(4, 5, 2), (16, 2), (6, 5, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(multi_adapter.CannotShareBatchError, match="for a batch of 3 rows"):
        RowSpan("tuned", 1, 2, 3, 1.0).of(torch.zeros(shape))
