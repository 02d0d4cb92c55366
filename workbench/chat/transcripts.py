"""Transcripts: every exchange is saved in its run's folder as soon as it is complete."""

from __future__ import annotations

import fnmatch
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.chat.protocol import Finish, ProofState, Sampling
from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workbench.chat.protocol import Done
    from workbench.runs.folder import RunFolder

_FILES = "[0-9]*.jsonl"


class AnswerRecord(BaseModel):
    """One lane's answer and its timings.

    Attributes:
        text: As generated; sanitise it before showing it.
        tokens: The number of generated tokens.
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
    def of(cls, done: Done) -> AnswerRecord:
        """Keep what a transcript needs of a complete answer."""
        return cls(
            text=done.text,
            tokens=done.tokens,
            seconds=done.seconds,
            first_token_seconds=done.first_token_seconds,
            finish=done.finish,
        )


class ExchangeRecord(BaseModel):
    """One exchange; fields added by a later version are ignored when reading.

    Attributes:
        time: When it was complete, in seconds since the epoch.
        turn: Its place in the conversation, 1 first; a turn that occurs again replaces the earlier
            one and everything after it.
        strengths: Each lane's strength from base (0) to tuned (1); 1 where it is missing.
        proof: Whether the base lane was verified to be the base.
        models: The title of the model in each lane.
        answers: By lane; a lost answer is missing.
        error: Why answers are missing; empty if none is.
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
    answers: dict[str, AnswerRecord]
    error: str = ""

    @property
    def when(self) -> str:
        """The local time, to the minute."""
        return datetime.fromtimestamp(self.time).astimezone().strftime("%Y-%m-%d %H:%M")

    @property
    def text(self) -> str:
        """Prompt, system prompt and answers, for searching."""
        answers = (answer.text for answer in self.answers.values())
        return "\n".join((self.prompt, self.system, *answers))

    def contains(self, words: Sequence[str]) -> bool:
        """Whether every word occurs in its text, ignoring case."""
        text = self.text.casefold()
        return all(word.casefold() in text for word in words)


class Transcript:
    """The file of one chat, created with its first exchange.

    File and folder are readable by their owner only.
    """

    def __init__(self, run: RunFolder) -> None:
        self._files, self._folder = run.files, run.chats
        self._file: Path | None = None
        self._lock = threading.Lock()
        self._failed = False

    def add(self, record: ExchangeRecord) -> None:
        """Append an exchange, whole or not at all; may be called from any thread.

        Raises:
            MachineError: The disk is full or the folder is not writable.
        """
        with self._lock:
            if self._file is None:
                self._file = self._files.create_unique(
                    self._folder, time.strftime("%Y%m%d-%H%M%S"), ".jsonl"
                )
            self._files.append_line(self._file, record.model_dump_json())

    def save(self, record: ExchangeRecord) -> str:
        """Append an exchange without raising, because the chat continues in either case.

        Returns:
            Why it failed, for the first failure of this chat only; else an empty string.
        """
        try:
            self.add(record)
        except MachineError as error:
            first, self._failed = not self._failed, True
            return str(error) if first else ""
        return ""


def read_transcripts(run: RunFolder) -> list[ExchangeRecord]:
    """Every exchange of every chat with ``run``, oldest first; damaged lines are skipped.

    In a shared folder of runs, other users' chats are private, and skipped as well.
    """
    try:
        names = fnmatch.filter(run.files.names(run.chats), _FILES)
    except OSError:
        return []
    records = [record for name in names for record in _read(run, run.chats / name)]
    return sorted(records, key=lambda record: record.time)


def _read(run: RunFolder, path: Path) -> Iterator[ExchangeRecord]:
    try:
        lines = run.files.read_lines(path)
    except OSError:
        return
    for line in lines:
        try:
            yield ExchangeRecord.model_validate_json(line)
        except ValidationError:
            continue
