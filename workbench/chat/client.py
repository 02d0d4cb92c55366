"""The torch-free end of the chat engine: start it, open a run, stream answers, survive a crash."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from workbench.chat.protocol import (
    Cancel,
    EngineDied,
    Failed,
    Finished,
    Generate,
    Open,
    Opened,
    Progress,
    ScoreTokens,
    Source,
    TokenScores,
    encode,
    read_reply,
)
from workbench.chat.titles import TUNED
from workbench.core.errors import BadInputError
from workbench.runs.links import require_no_links

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from workbench.chat.protocol import Delta, Done, Message, Reply
    from workbench.runs.folder import RunFolder

    OpenEvent = Progress | Opened | Failed | EngineDied
    AnswerEvent = Delta | Done | Finished | Failed | EngineDied
    ScoreReply = TokenScores | Failed | EngineDied

ENGINE = "workbench.chat.engine"
_MAX_LINE_BYTES = 64 << 20
_LOG_TAIL_BYTES = 4096
_LOG_TAIL_LINES = 4
_CLOSE_SECONDS = 5.0


class ChatClient(Protocol):
    """What a chat needs of an engine; one request at a time."""

    def open(self, extra_sources: Sequence[Source] = ()) -> AsyncIterator[OpenEvent]:
        """Start a fresh engine; the last event is Opened, Failed or EngineDied."""

    def generate(self, request: Generate) -> AsyncIterator[AnswerEvent]:
        """Answer in every lane; the last event is Finished, Failed or EngineDied."""

    async def score_tokens(self, request: ScoreTokens) -> ScoreReply:
        """Score an answer token by token."""

    def cancel(self) -> None:
        """End the answers in progress; they keep what they have so far."""

    async def close(self) -> None:
        """End the engine."""


class EngineClient:
    """One engine process for one chat; ``open`` starts a new one, also after a crash.

    The engine's own output goes to ``chat.log`` in the run folder.
    """

    def __init__(self, run: RunFolder) -> None:
        """Prepare to chat with ``run``: its base and its result; no process starts yet."""
        self._run = run
        self._process: asyncio.subprocess.Process | None = None
        self._request_id = 0
        self._log_start = 0

    @property
    def log(self) -> Path:
        """The file with the engine's stdout and stderr."""
        return self._run.path / "chat.log"

    @property
    def pid(self) -> int | None:
        """The engine's process id; None unless it is running."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def open(self, extra_sources: Sequence[Source] = ()) -> AsyncIterator[OpenEvent]:
        """Start a fresh engine process and load every lane in it.

        Args:
            extra_sources: Lanes beside the run's own base and result.

        Yields:
            Progress, then Opened, Failed or EngineDied.
        """
        await self.close()
        try:
            process = await self._spawn()
        except BadInputError as error:
            yield Failed(id=None, text=str(error))
            return
        tuned = Source(lane=TUNED, run=str(self._run.path))
        self._send(process, Open(sources=(tuned, *extra_sources)))
        while True:
            event = await self._receive(process)
            if isinstance(event, Opened | Failed | EngineDied):
                yield event
                return
            if event.kind == "progress":
                yield event

    async def generate(self, request: Generate) -> AsyncIterator[AnswerEvent]:
        """Answer in every lane of the request.

        Yields:
            Delta and Done of every lane, then Finished; or Failed or EngineDied.
        """
        async for event in self._request(request):
            if not isinstance(event, TokenScores):
                yield event

    async def score_tokens(self, request: ScoreTokens) -> ScoreReply:
        """Score an answer token by token."""
        async for event in self._request(request):
            if isinstance(event, TokenScores | Failed | EngineDied):
                return event
        raise AssertionError("every request ends with a reply or the engine's death")

    def cancel(self) -> None:
        """End the answers in progress; each ends with Done as usual."""
        if self._process is not None:
            self._send(self._process, Cancel(id=self._request_id))

    async def close(self) -> None:
        """End the engine by closing its stdin; kill it if it does not react."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _CLOSE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _request(
        self, request: Generate | ScoreTokens
    ) -> AsyncIterator[Delta | Done | TokenScores | Finished | Failed | EngineDied]:
        """Send a request and yield its replies; those to abandoned requests are skipped."""
        process = self._process
        if process is None:
            yield EngineDied(reason="the chat engine is not running", log="")
            return
        self._request_id += 1
        self._send(process, request.model_copy(update={"id": self._request_id}))
        request_id = self._request_id
        while True:
            event = await self._receive(process)
            if isinstance(event, EngineDied):
                yield event
                return
            if isinstance(event, Progress | Opened) or event.id != request_id:
                continue
            yield event
            if isinstance(event, TokenScores | Finished | Failed):
                return

    async def _spawn(self) -> asyncio.subprocess.Process:
        require_no_links(self._run)
        with os.fdopen(self._run.files.open_to_append(self.log), "ab") as log:
            self._log_start = log.seek(0, os.SEEK_END)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # never import anything from the current folder, which may be a run's
                "-m",
                ENGINE,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"},
                start_new_session=True,
                limit=_MAX_LINE_BYTES,
            )
        return self._process

    @staticmethod
    def _send(process: asyncio.subprocess.Process, message: Message) -> None:
        """Queue a line; if the engine is gone, reading its replies will notice."""
        if process.stdin is not None:
            with suppress(ConnectionError):
                process.stdin.write(encode(message))

    async def _receive(self, process: asyncio.subprocess.Process) -> Reply | EngineDied:
        line = await process.stdout.readline() if process.stdout else b""
        if line.endswith(b"\n"):
            return read_reply(line)
        return EngineDied(reason=_death_reason(await process.wait()), log=self._log_tail())

    def _log_tail(self) -> str:
        """The last lines that this process wrote, not those of earlier ones."""
        written = self._run.files.size(self.log) - self._log_start
        newline_before = 1
        text = self._run.files.tail(self.log, min(_LOG_TAIL_BYTES, written + newline_before))
        return "\n".join(text.splitlines()[-_LOG_TAIL_LINES:])


def _death_reason(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the chat engine was killed, perhaps because memory ran out"
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"the chat engine ended unexpectedly ({how})"
