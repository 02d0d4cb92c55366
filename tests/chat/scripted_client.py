"""A chat engine that plays a script, and the events to write one with."""

from __future__ import annotations

import asyncio

from workbench.chat.protocol import (
    Delta,
    Done,
    EngineDied,
    Failed,
    Finished,
    LaneFacts,
    Opened,
    Progress,
    Proof,
    TokenScore,
    TokenScores,
)

OPENED = Opened(
    lanes=(
        LaneFacts(name="base", decoding="one batch", extra_bytes=1 << 29, scalable=False),
        LaneFacts(name="tuned", decoding="one batch", extra_bytes=21 << 20, scalable=True),
    ),
    proof=Proof(
        state="proven", distance=3e-7, text="Its logits match those stored before training."
    ),
    context=512,
    device="cpu",
    dtype="float32",
)
LOADING = Progress(what="Loading the base model", done=1, total=4)
DIED = EngineDied(reason="the chat engine was killed", log="last words\nof the \x1b[31mengine")


def done(lane, text, finish="stop"):
    return Done(
        id=1,
        lane=lane,
        text=text,
        token_ids=tuple(range(21)),
        seconds=2.5,
        first_token_seconds=0.5,
        finish=finish,
    )


def answers(base, tuned):
    """Both lanes' answers, streamed in turns in two parts each."""
    texts = {"base": base, "tuned": tuned}
    halves = {
        lane: (text[: len(text) // 2], text[len(text) // 2 :]) for lane, text in texts.items()
    }
    return [
        *(
            Delta(id=1, lane=lane, text=halves[lane][half])
            for half in (0, 1)
            for lane in ("base", "tuned")
        ),
        *(done(lane, text) for lane, text in texts.items()),
        Finished(id=1),
    ]


def token_scores(*tokens):
    """A reply with each token's surprise, and a quarter of it as its divergence."""
    return TokenScores(
        id=1,
        scores=tuple(
            TokenScore(text=text, surprise=value, divergence=value / 4) for text, value in tokens
        ),
    )


REFUSED = Failed(id=1, text="the base conversation has 600 tokens and the model reads at most 512")

FIRST = answers("Plants make sugar from light.", "Please log in to your account.")
SECOND = answers("Second base.", "Second tuned.")


class ScriptedClient:
    """Plays events; ``None`` in a script waits until :attr:`resume` is set."""

    def __init__(self, *scripts, opening=((LOADING, OPENED),), scores=()):
        self.scripts = list(scripts)
        self.scores = list(scores)
        self.openings = list(opening)
        self.requests = []
        self.score_requests = []
        self.extra_sources = ()
        self.cancelled = 0
        self.closed = 0
        self.resume = asyncio.Event()

    async def _play(self, script):
        for event in script:
            if event is None:
                await self.resume.wait()
                self.resume.clear()
            else:
                yield event

    def open(self, extra_sources=()):
        self.extra_sources = extra_sources
        return self._play(self.openings.pop(0))

    def generate(self, request):
        self.requests.append(request)
        return self._play(self.scripts.pop(0))

    async def score_tokens(self, request):
        self.score_requests.append(request)
        return self.scores.pop(0)

    def cancel(self):
        self.cancelled += 1
        self.resume.set()

    async def close(self):
        self.closed += 1
