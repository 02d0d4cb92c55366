"""A minimal app around the chat screen, and what can be read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.content import Content
from textual.reactive import reactive

from workbench.chat.annotations import read_annotations
from workbench.tui.screens.chat import ChatScreen
from workbench.tui.widgets.chat.answer import Answer
from workbench.tui.widgets.chat.engine_facts import EngineFacts
from workbench.tui.widgets.chat.exchange import Question
from workbench.tui.widgets.chat.lane import LanePane

if TYPE_CHECKING:
    from workbench.tui.run_bands import BandReading


class Host(App[None]):
    rows = reactive(())
    machine = reactive("")
    bands: reactive[dict[str, BandReading]] = reactive(dict)
    ENABLE_COMMAND_PALETTE: ClassVar = False

    def __init__(self, run, client):
        super().__init__()
        self.chat = ChatScreen(run, client)

    def on_mount(self):
        self.push_screen(self.chat)


STRAIGHT = {"base": "base", "tuned": "tuned"}
CROSSED = {"base": "tuned", "tuned": "base"}
WIDE, SMALL = (140, 45), (80, 24)


def client_of(app):
    return app.chat.engine.client


def prompts(app):
    """What each request sent to the base, oldest message first."""
    return [
        [turn.content for turn in request.conversations["base"]]
        for request in client_of(app).requests
    ]


def pane(app, lane):
    return app.chat.query_one(f"#lane-{lane}", LanePane)


def facts(app):
    return str(app.chat.query_one(EngineFacts).render())


def enabled(app, key):
    return app.chat.active_bindings[key].enabled


def texts(app):
    return {
        pane.lane: [answer.source for answer in pane.query(Answer)]
        for pane in app.chat.query(LanePane)
    }


def status(app, lane):
    return pane(app, lane).border_subtitle


def title(app, lane):
    """The upper border of a pane, without its styles."""
    return Content.from_markup(pane(app, lane).border_title).plain


def questions(app, lane="base"):
    return [str(question.render()) for question in pane(app, lane).query(Question)]


async def settled(pilot):
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def type_and_send(pilot, text):
    await pilot.press(*text.replace(" ", "_"), "enter")
    await settled(pilot)


def blocks(app, place=-1):
    return {pane.lane: pane.blocks[place] for pane in app.chat.query(LanePane)}


def shown(app, lane, place=-1):
    """What is shown instead of the Markdown; None while the Markdown is shown."""
    block = blocks(app, place)[lane]
    return block._replacement.visual if block.has_class("-viewed") else None


def note(app, lane, place=-1):
    block = blocks(app, place)[lane]
    return str(block._note.visual) if block.has_class("-noted") else ""


def marked(content):
    """The parts of a text that are styled by more than colour."""
    marks = ("underline", "reverse", "bold")
    return [
        content.plain[span.start : span.end]
        for span in content.spans
        if any(mark in str(span.style) for mark in marks)
    ]


def annotations_of(app):
    return read_annotations(app.chat.session.run)
