"""A ten-line app round the chat screen, and an engine that follows a script."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.app import App
from textual.content import Content
from textual.reactive import reactive

from workbench.chat.client import NO_STRENGTHS
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
)
from workbench.tui.screens.chat import ChatScreen
from workbench.tui.widgets.chat.answer import Answer
from workbench.tui.widgets.chat.exchange import Question
from workbench.tui.widgets.chat.lane import LanePane

OPENED = Opened(
    lanes=(
        LaneFacts(name="base", decoding="one batch", extra_bytes=1 << 29, scalable=False),
        LaneFacts(name="tuned", decoding="one batch", extra_bytes=21 << 20, scalable=True),
    ),
    proof=Proof(state="proven", distance=3e-7, text="Its logits are those stored before training."),
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
    """Both lanes' text in two pieces each, taking turns."""
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


class ScriptedClient:
    """Plays events; ``None`` in a script waits until :attr:`go_on` is set."""

    def __init__(self, *scripts, opening=((LOADING, OPENED),), weighed=()):
        self.scripts = list(scripts)
        self.weighed = list(weighed)
        self.weighings = []
        self.openings = list(opening)
        self.asked = []
        self.cancelled = 0
        self.others = ()
        self.closed = 0
        self.go_on = asyncio.Event()

    async def _play(self, script):
        for event in script:
            if event is None:
                await self.go_on.wait()
                self.go_on.clear()
            else:
                yield event

    def open(self):
        return self._play(self.openings.pop(0))

    def generate(self, conversations, *, max_tokens, sampling, strengths=NO_STRENGTHS):
        self.asked.append(conversations)
        self.strengths, self.sampling, self.max_tokens = dict(strengths), sampling, max_tokens
        return self._play(self.scripts.pop(0))

    async def weigh(self, **request):
        self.weighings.append(request)
        return self.weighed.pop(0)

    def cancel(self):
        self.cancelled += 1
        self.go_on.set()

    async def close(self):
        self.closed += 1


class Host(App):
    rows = reactive(())
    machine = reactive("")
    ENABLE_COMMAND_PALETTE: ClassVar = False

    def __init__(self, run, client):
        super().__init__()
        self.chat = ChatScreen(run, client)

    def on_mount(self):
        self.push_screen(self.chat)


REFUSED = Failed(id=1, text="the base conversation has 600 tokens and the model reads at most 512")

FIRST = answers("Plants make sugar from light.", "Please log in to your account.")
SECOND = answers("Second base.", "Second tuned.")
WIDE, SMALL = (140, 45), (80, 24)


def client_of(app):
    return app.chat.client


def texts(app):
    return {
        pane.lane: [answer.source for answer in pane.query(Answer)]
        for pane in app.chat.query(LanePane)
    }


def status(app, lane):
    return app.chat.query_one(f"#lane-{lane}", LanePane).border_subtitle


def title(app, lane):
    """The upper border of a pane, as it is read."""
    return Content.from_markup(app.chat.query_one(f"#lane-{lane}", LanePane).border_title).plain


def questions(app, lane="base"):
    pane = app.chat.query_one(f"#lane-{lane}", LanePane)
    return [str(question.render()) for question in pane.query(Question)]


async def type_and_send(pilot, text):
    await pilot.press(*text.replace(" ", "_"), "enter")
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def settled(pilot):
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
