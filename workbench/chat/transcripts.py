"""Transcripts: every chat is kept in its run's folder while it is held, one line an exchange."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.chat.protocol import Finish, ProofState, Sampling
from workbench.core import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workbench.chat.protocol import Done
    from workbench.runs.folder import RunFolder

_FILES = "[0-9]*.jsonl"


class Said(BaseModel):
    """What one lane answered, and how fast.

    Attributes:
        text: As the model gave it: whoever shows it makes it harmless.
        tokens: How many were generated.
        seconds: From the request to the last token.
        first_token_seconds: From the request to the first token.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    tokens: int
    seconds: float
    first_token_seconds: float
    finish: Finish

    @classmethod
    def of(cls, done: Done) -> Said:
        """Take over what is kept of a complete answer."""
        return cls(
            text=done.text,
            tokens=done.tokens,
            seconds=done.seconds,
            first_token_seconds=done.first_token_seconds,
            finish=done.finish,
        )


class Record(BaseModel):
    """One exchange; a field that this version does not know is left aside when reading.

    Attributes:
        time: When it was complete, seconds since 1970.
        turn: Its place in the conversation, 1 first; a turn that comes again replaces the one
            before it and what followed.
        strengths: How far a lane had gone from base (0) to tuned (1); 1 where nothing is said.
        proof: Whether the base was known to be the base.
        models: Which model answered in each lane.
        answers: By lane; a lane whose answer was lost is missing.
        trouble: Why answers are missing, if any are.
    """

    model_config = ConfigDict(frozen=True)

    time: float = Field(default_factory=time.time)
    turn: int = Field(1, ge=1)
    prompt: str
    system: str = ""
    sampling: Sampling = Sampling()
    max_tokens: int
    strengths: dict[str, float] = {}
    proof: ProofState
    models: dict[str, str] = {}
    answers: dict[str, Said]
    trouble: str = ""

    @property
    def when(self) -> str:
        """The local time, to the minute."""
        return datetime.fromtimestamp(self.time).astimezone().strftime("%Y-%m-%d %H:%M")

    @property
    def text(self) -> str:
        """All that was said, for searching."""
        answers = (said.text for said in self.answers.values())
        return "\n".join((self.prompt, self.system, *answers))

    def holds(self, words: Sequence[str]) -> bool:
        """Whether every word is somewhere in it, in whatever case."""
        found = self.text.casefold()
        return all(word.casefold() in found for word in words)


class Transcript:
    """One chat on its way to the disk; its file is made with the first exchange.

    The file is readable by its owner only, as is its folder when it is made here.
    """

    def __init__(self, run: RunFolder) -> None:
        """Write nothing yet."""
        self._folder = run.chats
        self._file: Path | None = None

    def add(self, record: Record) -> None:
        """Append an exchange, whole or not at all.

        Raises:
            MachineError: The disk is full or the folder cannot be written.
        """
        if self._file is None:
            self._file = files.create_unique(self._folder, time.strftime("%Y%m%d-%H%M%S"), ".jsonl")
        files.append_line(self._file, record.model_dump_json())


def read_transcripts(run: RunFolder) -> list[Record]:
    """Every exchange of every chat with ``run``, oldest first; a broken line is left out."""
    found = [record for path in run.chats.glob(_FILES) for record in _read(path)]
    return sorted(found, key=lambda record: record.time)


def _read(path: Path) -> Iterator[Record]:
    try:
        lines = [*files.read_lines(path)]
    except PermissionError:  # in a shared folder of runs, another user's chats are private
        return
    for line in lines:
        try:
            yield Record.model_validate_json(line)
        except ValidationError:
            continue
