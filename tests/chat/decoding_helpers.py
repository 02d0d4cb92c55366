"""Asking open lanes, and what transformers' own ``generate`` answers to the same."""

from __future__ import annotations

import torch
from transformers import AutoTokenizer

from tests.chat.tuned_runs import load
from workbench.chat.engine.decoding import Decoder, Row, make_batches, stop_tokens
from workbench.chat.engine.lanes import open_lanes
from workbench.chat.engine.loader import load_lane
from workbench.chat.protocol import Done, Generate, Sampling, Turn


def lanes_of(base, results):
    """Lanes on a loaded base: by name, the strategy and folder of each result."""
    return open_lanes(
        base, [load_lane(name, base, strategy, folder) for name, (strategy, folder) in results]
    )


def references_of(strategy, base, folder):
    """Base and result, loaded independently of each other."""
    tuned = strategy.load(load(base, strategy), folder).eval()
    return {"base": load(base, strategy), "tuned": tuned}


def decoder_on(lanes, folder, *, context=512):
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def render(turns):
        return tokenizer.apply_chat_template(
            [turn.model_dump() for turn in turns], add_generation_prompt=True, return_dict=False
        )

    return Decoder(lanes, tokenizer, render, context, stop_tokens(lanes.base, tokenizer))


def next_logits(lanes, name, ids):
    """The logits after a text in one lane, float32 ``[vocabulary]``."""
    row = Row(lanes.get(name), ids)
    (batch,) = make_batches(lanes, [row])
    ((_, logits),) = batch.step([row])
    return logits[0]


def ask(decoder, conversations, *, max_tokens=24, sampling=None, strengths=None, cancelled=None):
    request = Generate(
        id=1,
        conversations=conversations,
        max_tokens=max_tokens,
        sampling=sampling or Sampling(),
        strengths=strengths or {},
    )
    return list(decoder.answer(request, cancelled or (lambda: False)))


def said(*turns):
    """A conversation, the user first."""
    return tuple(
        Turn(role="assistant" if index % 2 else "user", content=text)
        for index, text in enumerate(turns)
    )


def both(*turns):
    return {"base": said(*turns), "tuned": said(*turns)}


def answers(events):
    return {event.lane: event for event in events if isinstance(event, Done)}


def reference(model, decoder, conversation, max_tokens=24):
    ids = torch.tensor([decoder.render(conversation)], device=model.device)
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=max_tokens,
    )
    return output[0, ids.shape[1] :].tolist()


def expect_reference(decoder, references, conversations):
    """Every lane answers token for token what its model alone answers with ``generate``."""
    done = answers(ask(decoder, conversations))
    for lane, model in references.items():
        expected = reference(model, decoder, conversations[lane])
        assert list(done[lane].token_ids) == expected
        assert done[lane].text == decoder.tokenizer.decode(expected, skip_special_tokens=True)
    return done
