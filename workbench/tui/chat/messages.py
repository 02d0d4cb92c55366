"""What the chat screen tells its concerns; any of them may listen to any of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done, Opened


@dataclass
class ChatOpened(Message):
    """The engine is ready, at first or again."""

    opened: Opened


@dataclass
class Asked(Message):
    """A prompt went out to every lane."""

    exchange: Exchange


@dataclass
class AnswerCompleted(Message):
    """One lane's answer is complete, or was stopped."""

    exchange: Exchange
    lane: str
    done: Done


@dataclass
class ExchangeCompleted(Message):
    """Every lane has answered or was stopped."""

    exchange: Exchange


@dataclass
class ExchangeTakenBack(Message):
    """This exchange is forgotten: it is asked again, edited or was refused."""

    exchange: Exchange


@dataclass
class Revealed(Message):
    """Who answered in this exchange is no longer hidden."""

    exchange: Exchange


class ConversationCleared(Message):
    """Everything that was said is forgotten."""


class LanesChanged(Message):
    """A lane was added or taken away; the engine opens again."""
