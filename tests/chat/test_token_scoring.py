"""Surprise and divergence are those of a plain float64 computation, for every strategy."""

from __future__ import annotations

import pytest
import torch

from tests.chat.tuned_runs import KINDS, finished_run, load
from tests.tiny import byte_tokenizer, make_tiny_model
from workbench.chat.engine.loader import open_sources
from workbench.chat.engine.token_scoring import compare, score_tokens
from workbench.chat.protocol import ScoreTokens, Source, Turn
from workbench.core.errors import BadInputError, FtwbError

CONVERSATION = (
    Turn(role="user", content="What is it?"),
    Turn(role="assistant", content="A leaf."),
    Turn(role="user", content="And then?"),
)
CHUNKED = 150
"""Tokens of an answer that is read in several chunks, the last one incomplete."""


@pytest.fixture
def base(tmp_path):
    return make_tiny_model(tmp_path / "base", width=64)


def decoder_of(*runs):
    sources = [Source(lane=f"lane{place}", run=str(run.path)) for place, run in enumerate(runs)]
    return open_sources(sources, lambda _what, _done, _total: None)


def some_tokens(number):
    """Random bytes, complete characters or not."""
    generator = torch.Generator().manual_seed(3)
    return tuple(torch.randint(0, 256, (number,), generator=generator).tolist())


def request(lane, other, tokens, **more):
    return ScoreTokens(
        id=7, lane=lane, other=other, conversation=CONVERSATION, tokens=tokens, **more
    )


def log_probabilities(model, decoder, tokens):
    """Before each token, from one plain forward pass, ``[tokens, vocabulary]``."""
    prompt = decoder.render(CONVERSATION)
    ids = torch.tensor([[*prompt, *tokens]])
    with torch.no_grad():
        logits = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    return logits[0, -len(tokens) - 1 : -1].double().log_softmax(dim=-1)


def expected(said, other, divergent, tokens):
    """Surprise of ``other`` and the KL of the pair ``divergent``."""
    index = torch.tensor(tokens)[:, None]
    surprise = (said.gather(1, index) - other.gather(1, index))[:, 0]
    p, q = divergent
    return surprise, (p.exp() * (p - q)).sum(dim=-1)


def expect(weighed, surprise, divergence):
    pieces = weighed.scores
    for found, right in (
        ([piece.surprise for piece in pieces], surprise),
        ([piece.divergence for piece in pieces], divergence),
    ):
        torch.testing.assert_close(
            torch.tensor(found, dtype=torch.float64), right, rtol=1e-3, atol=5e-6
        )
    assert float(divergence.max()) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_both_directions_equal_a_plain_pass(runs, base, kind):
    run = finished_run(runs, base, kind)
    strategy = run.recipe().strategy
    decoder = decoder_of(run)
    tokens = some_tokens(CHUNKED)
    p = log_probabilities(load(base, strategy), decoder, tokens)
    q = log_probabilities(strategy.load(load(base, strategy), run.model), decoder, tokens)
    weighed = score_tokens(decoder, request("base", "lane0", tokens))
    assert weighed.id == 7
    expect(weighed, *expected(p, q, (p, q), tokens))
    expect(score_tokens(decoder, request("lane0", "base", tokens)), *expected(q, p, (p, q), tokens))


def test_two_tuned_lanes_are_compared_from_the_one_that_answered(runs, base):
    lora, full = finished_run(runs, base, "lora"), finished_run(runs, base, "full")
    decoder = decoder_of(lora, full)
    tokens = some_tokens(9)
    p, q = (
        log_probabilities(run.recipe().strategy.load(load(base), run.model), decoder, tokens)
        for run in (lora, full)
    )
    expect(
        score_tokens(decoder, request("lane0", "lane1", tokens)), *expected(p, q, (p, q), tokens)
    )
    expect(
        score_tokens(decoder, request("lane1", "lane0", tokens)), *expected(q, p, (q, p), tokens)
    )


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_a_lane_is_scored_at_the_strength_it_answered_with(runs, base, kind):
    run = finished_run(runs, base, kind)
    decoder = decoder_of(run)
    tokens = some_tokens(9)
    start = load(base)
    tuned = run.recipe().strategy.load(load(base), run.model)
    with torch.no_grad():
        if kind == "full":
            for from_, to in zip(start.parameters(), tuned.parameters(), strict=True):
                to.copy_(from_ + 0.4 * (to - from_))
        for name, tensor in tuned.named_parameters():
            if "lora_B" in name:
                tensor.mul_(0.4)
    p, q = (log_probabilities(model, decoder, tokens) for model in (start, tuned))
    weakened = score_tokens(decoder, request("lane0", "base", tokens, strengths={"lane0": 0.4}))
    expect(weakened, *expected(q, p, (p, q), tokens))
    at_none = score_tokens(decoder, request("lane0", "base", tokens, strengths={"lane0": 0.0}))
    assert max(abs(piece.surprise) for piece in at_none.scores) < 1e-5
    whole = score_tokens(decoder, request("lane0", "base", tokens))
    assert whole.scores != weakened.scores


@pytest.mark.parametrize("said", ["Grün 漢字 🌿.", "Grün 漢"])
def test_the_pieces_join_to_the_answer(runs, base, said):
    decoder = decoder_of(finished_run(runs, base, "lora"))
    tokens = byte_tokenizer()(said).input_ids
    whole = score_tokens(decoder, request("lane0", "base", tokens)).scores
    assert [piece.text for piece in whole[:4]] == ["G", "r", "", "ü"]
    assert "".join(piece.text for piece in whole) == said
    stop = decoder.tokenizer.eos_token_id
    cut = (*tokens[:-1], stop) if said.endswith(".") else tokens[:-1]
    pieces = score_tokens(decoder, request("lane0", "base", cut)).scores
    assert len(pieces) == len(cut)
    text = decoder.tokenizer.decode(cut, skip_special_tokens=True)
    assert "".join(piece.text for piece in pieces) == text


def test_an_empty_answer_has_no_pieces(runs, base):
    decoder = decoder_of(finished_run(runs, base, "lora"))
    assert score_tokens(decoder, request("lane0", "base", ())).scores == ()


def test_requests_that_cannot_be_scored_are_refused(runs, base):
    decoder = decoder_of(finished_run(runs, base, "lora"))
    with pytest.raises(BadInputError, match="no lane 'third' is open"):
        score_tokens(decoder, request("third", "base", (1,)))
    with pytest.raises(BadInputError, match="reads at most 512"):
        score_tokens(decoder, request("lane0", "base", some_tokens(500)))
    with torch.no_grad():
        decoder.lanes.base.model.norm.weight.fill_(float("nan"))
    with pytest.raises(FtwbError, match="the weights of one are broken"):
        score_tokens(decoder, request("lane0", "base", (1,)))


def test_rare_and_certain_tokens_are_exact():
    certain, even = torch.zeros(1, 1000), torch.zeros(1, 1000)
    certain[0, 5] = 60.0
    ((surprise, divergence),) = compare(certain, even, [5], towards_other=True)
    assert surprise == pytest.approx(divergence) == pytest.approx(6.9077553)
    ((surprise, divergence),) = compare(certain, even, [6], towards_other=False)
    assert surprise == pytest.approx(-53.0922447)
    assert divergence == pytest.approx(60 * 0.999 - 6.9077553, rel=1e-5)
    ((surprise, divergence),) = compare(even, even, [6], towards_other=True)
    assert (surprise, divergence) == (0.0, 0.0)
