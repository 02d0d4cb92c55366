"""The lanes' greedy tokens are those of transformers' own generate, token for token."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoTokenizer, GenerationConfig

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
from tests.chat.tuned_runs import KINDS, STRATEGIES, finished_run, load, tuned_model
from tests.tiny import make_tiny_model
from workbench.chat.engine.decoding import Decoder, Row, make_batches, stop_tokens
from workbench.chat.engine.loader import open_sources
from workbench.chat.protocol import Delta, Done, Finished, Sampling, Source, Turn
from workbench.core.errors import BadInputError

pytestmark = pytest.mark.slow

PROMPTS = ("Hi", "What is photosynthesis?", "word " * 40)


@pytest.fixture(params=STRATEGIES)
def kind(request):
    return request.param


def lanes_on(base, kind, folder):
    """The open lanes of a result, and independent copies of the two models."""
    strategy = tuned_model(base, kind, folder)
    lanes = lanes_of(load(base, strategy), [("tuned", (strategy, folder))])
    return lanes, references_of(strategy, base, folder)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen3", "gemma3"])
@pytest.mark.parametrize("kind", KINDS)
def test_greedy_equals_generate(architecture, kind, tmp_path):
    if (architecture, kind) == ("gpt2", "osf"):
        pytest.skip("OSF refuses GPT-2")
    base = make_tiny_model(tmp_path / "base", architecture, width=64)
    lanes, references = lanes_on(base, kind, tmp_path / "tuned")
    decoder = decoder_on(lanes, base)
    for prompt in PROMPTS:
        done = expect_reference(decoder, references, both(prompt))
        assert done["base"].text != done["tuned"].text or kind not in STRATEGIES
    unlike = {"base": said(PROMPTS[2]), "tuned": said(*PROMPTS)}
    expect_reference(decoder, references, unlike)


@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_from_the_cache_are_those_of_one_pass(architecture, kind, tmp_path):
    base = make_tiny_model(tmp_path / "base", architecture, width=64)
    lanes, references = lanes_on(base, kind, tmp_path / "tuned")
    rows = [Row(lane, torch.arange(30, 37)[None]) for lane in lanes.all]
    batches = make_batches(lanes, rows)
    for token in (5, 90, 17):
        found = {row.lane.name: logits for batch in batches for row, logits in batch.step(rows)}
        for row in rows:
            with torch.no_grad():
                whole = references[row.lane.name](
                    input_ids=row.tokens, attention_mask=torch.ones_like(row.tokens)
                )
            torch.testing.assert_close(
                found[row.lane.name], whole.logits[:, -1], rtol=1e-4, atol=1e-5
            )
            row.tokens = torch.cat([row.tokens, row.tokens.new_tensor([[token]])], dim=1)
        assert (found["base"] - found["tuned"]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_an_opened_run_answers_as_generate_does(runs, kind, tmp_path):
    base = make_tiny_model(tmp_path / "base", width=64)
    run = finished_run(runs, base, kind)
    strategy = run.recipe().strategy
    decoder = open_sources([Source(lane="tuned", run=str(run.path))], lambda *_: None)
    assert decoder.context == 512 - (20 if "tuning" in kind else 0)
    expect_reference(decoder, references_of(strategy, base, run.model), both("What is it?"))


def test_lanes_keep_their_own_histories_over_several_turns(tiny_model, kind, tmp_path):
    lanes, references = lanes_on(tiny_model, kind, tmp_path / "tuned")
    decoder = decoder_on(lanes, tiny_model)
    conversations = both("Hello")
    for _ in range(3):
        done = expect_reference(decoder, references, conversations)
        conversations = {
            lane: (
                *turns,
                Turn(role="assistant", content=done[lane].text),
                Turn(role="user", content="And then?"),
            )
            for lane, turns in conversations.items()
        }


def test_deltas_of_both_lanes_alternate_and_end_in_the_whole_text(tiny_model, kind, tmp_path):
    lanes, _ = lanes_on(tiny_model, kind, tmp_path / "tuned")
    decoder = decoder_on(lanes, tiny_model)
    events = ask(decoder, both("Hi"), max_tokens=30)
    assert isinstance(events[-1], Finished)
    deltas = [event for event in events if isinstance(event, Delta)]
    first_done = next(index for index, event in enumerate(events) if isinstance(event, Done))
    assert {event.lane for event in events[:first_done] if isinstance(event, Delta)} == {
        "base",
        "tuned",
    }
    for lane, done in answers(events).items():
        assert 0 < done.first_token_seconds <= done.seconds
        assert "".join(delta.text for delta in deltas if delta.lane == lane)


def test_shared_lanes_hold_one_set_of_base_weights(tiny_model, tmp_path):
    base_bytes = sum(parameter.nbytes for parameter in load(tiny_model).parameters())
    lora, _ = lanes_on(tiny_model, "lora", tmp_path / "lora")
    adapter_bytes = sum(parameter.nbytes for parameter in lora.get("tuned").tensors())
    full, _ = lanes_on(tiny_model, "full", tmp_path / "full")
    buffers = sum(buffer.nbytes for buffer in load(tiny_model).buffers())
    assert [lane.extra_bytes for lane in lora.facts()] == [base_bytes + buffers, adapter_bytes]
    assert [lane.extra_bytes for lane in full.facts()] == [base_bytes + buffers] * 2
    assert {lane.decoding for lane in lora.facts()} == {"one batch"}
    assert {lane.decoding for lane in full.facts()} == {"in turns"}


def test_answers_end_at_a_stop_token(tiny_model, tmp_path):
    lanes, references = lanes_on(tiny_model, "full", tmp_path / "tuned")
    decoder = decoder_on(lanes, tiny_model)
    conversation = both("Hi")
    expected = reference(references["base"], decoder, conversation["base"])
    stop = expected[3]
    stopping = Decoder(
        lanes, decoder.tokenizer, decoder.render, 512, decoder.stops | frozenset({stop})
    )
    done = answers(ask(stopping, conversation))["base"]
    assert done.finish == "stop"
    assert done.tokens == expected.index(stop) + 1


def test_stop_tokens_come_from_model_tokenizer_and_template(tiny_model):
    base = load(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    end_of_turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
    base.generation_config = GenerationConfig(eos_token_id=[7, 9])
    tokenizer.eos_token_id = tokenizer.convert_tokens_to_ids("<|im_start|>")
    start = tokenizer.eos_token_id
    assert stop_tokens(base, tokenizer) == {7, 9, start, end_of_turn}


@pytest.mark.parametrize(("max_tokens", "finish", "tokens"), [(5, "length", 5), (99, "context", 8)])
def test_answers_respect_max_tokens_and_context(tiny_model, tmp_path, max_tokens, finish, tokens):
    lanes, _ = lanes_on(tiny_model, "lora", tmp_path / "tuned")
    prompt_length = len(decoder_on(lanes, tiny_model).render(both("Hi")["base"]))
    decoder = decoder_on(lanes, tiny_model, context=prompt_length + 8)
    done = answers(ask(decoder, both("Hi"), max_tokens=max_tokens))
    assert [(answer.finish, answer.tokens) for answer in done.values()] == [(finish, tokens)] * 2


def test_a_conversation_without_room_for_an_answer_is_refused(tiny_model, tmp_path):
    lanes, _ = lanes_on(tiny_model, "lora", tmp_path / "tuned")
    decoder = decoder_on(lanes, tiny_model, context=20)
    with pytest.raises(BadInputError, match="reads at most 20; clear the chat"):
        ask(decoder, both("a long story " * 5))


def test_cancelled_answers_end_with_what_they_have(tiny_model, tmp_path):
    lanes, _ = lanes_on(tiny_model, "lora", tmp_path / "tuned")
    rounds = iter([False, False, False, True])
    events = ask(decoder_on(lanes, tiny_model), both("Hi"), cancelled=lambda: next(rounds))
    done = answers(events)
    assert [(answer.finish, answer.tokens) for answer in done.values()] == [("cancelled", 3)] * 2
    assert isinstance(events[-1], Finished)


def test_sampling_is_decided_by_the_seed(tiny_model, tmp_path):
    lanes, _ = lanes_on(tiny_model, "lora", tmp_path / "tuned")
    decoder = decoder_on(lanes, tiny_model)

    def sampled(seed):
        sampling = Sampling(temperature=1.0, top_p=0.9, seed=seed)
        return answers(ask(decoder, both("Hi"), sampling=sampling))["tuned"].text

    assert sampled(1) == sampled(1) != sampled(2)


def test_the_models_own_repetition_penalty_is_kept(tiny_model, tmp_path):
    lanes, references = lanes_on(tiny_model, "full", tmp_path / "tuned")
    lanes.base.generation_config.repetition_penalty = 1.5
    for model in references.values():
        model.generation_config.repetition_penalty = 1.5
    expect_reference(decoder_on(lanes, tiny_model), references, both("Hi"))
