"""The torch-free end of the chat engine: start it, open a run, stream, survive its death."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from types import MappingProxyType
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
    Source,
    Weigh,
    Weighed,
    encode,
    read_reply,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from workbench.chat.protocol import (
        Delta,
        Done,
        Message,
        Reply,
        Sampling,
        Turn,
    )
    from workbench.runs.folder import RunFolder

    OpenEvent = Progress | Opened | Failed | EngineDied
    AnswerEvent = Delta | Done | Finished | Failed | EngineDied

ENGINE = "workbench.chat.engine"
_LONGEST_LINE = 64 << 20
_LOG_TAIL = 4096
_LOG_LINES = 4
_PATIENCE = 5.0
NO_STRENGTHS: Mapping[str, float] = MappingProxyType({})
"""Every lane answers as it was trained."""


class ChatClient(Protocol):
    """What a screen needs of an engine.

    Attributes:
        others: What the next ``open`` puts beside the run's own two lanes.
    """

    others: Sequence[Source]

    def open(self) -> AsyncIterator[OpenEvent]:
        """Start afresh; the last event is Opened, Failed or EngineDied."""

    def generate(
        self,
        conversations: Mapping[str, Sequence[Turn]],
        *,
        max_tokens: int,
        sampling: Sampling,
        strengths: Mapping[str, float] = NO_STRENGTHS,
    ) -> AsyncIterator[AnswerEvent]:
        """Answer in every lane; the last event is Finished, Failed or EngineDied."""

    async def weigh(
        self,
        *,
        lane: str,
        other: str,
        conversation: Sequence[Turn],
        tokens: Sequence[int],
        strengths: Mapping[str, float] = NO_STRENGTHS,
    ) -> Weighed | Failed | EngineDied:
        """Say token by token how two lanes differ on an answer that one of them gave."""

    def cancel(self) -> None:
        """End the answers under way with what they have."""

    async def close(self) -> None:
        """End the engine."""


class EngineClient:
    """One engine process for one chat; ``open`` may be called again after it died.

    What the engine prints goes to ``chat.log`` in the run folder.
    """

    def __init__(self, run: RunFolder, others: Sequence[Source] = ()) -> None:
        """Start nothing yet.

        Args:
            run: Its base answers as ``base``, its result as ``tuned``.
            others: What answers beside them.
        """
        self._run = run
        self.others = others
        self._process: asyncio.subprocess.Process | None = None
        self._request = 0
        self._log_start = 0

    @property
    def log(self) -> Path:
        """What the engine prints: its stdout and stderr."""
        return self._run.path / "chat.log"

    @property
    def pid(self) -> int | None:
        """The engine's process id while it lives."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def open(self) -> AsyncIterator[OpenEvent]:
        """Start a fresh engine process and load every lane in it.

        Yields:
            Progress, then Opened, Failed or EngineDied.
        """
        await self.close()
        process = await self._spawn()
        self._send(
            process, Open(sources=(Source(lane="tuned", run=str(self._run.path)), *self.others))
        )
        while True:
            event = await self._receive(process)
            if isinstance(event, Opened | Failed | EngineDied):
                yield event
                return
            if event.kind == "progress":
                yield event

    async def generate(
        self,
        conversations: Mapping[str, Sequence[Turn]],
        *,
        max_tokens: int,
        sampling: Sampling,
        strengths: Mapping[str, float] = NO_STRENGTHS,
    ) -> AsyncIterator[AnswerEvent]:
        """Ask for answers in the named lanes; replies to requests given up before are skipped.

        Yields:
            Delta and Done of every lane, then Finished; or Failed or EngineDied.
        """
        self._request += 1
        request = Generate(
            id=self._request,
            conversations={lane: tuple(turns) for lane, turns in conversations.items()},
            max_tokens=max_tokens,
            sampling=sampling,
            strengths=dict(strengths),
        )
        async for event in self._ask(request):
            if not isinstance(event, Weighed):
                yield event

    async def weigh(
        self,
        *,
        lane: str,
        other: str,
        conversation: Sequence[Turn],
        tokens: Sequence[int],
        strengths: Mapping[str, float] = NO_STRENGTHS,
    ) -> Weighed | Failed | EngineDied:
        """Say token by token how two lanes differ on an answer that one of them gave."""
        self._request += 1
        request = Weigh(
            id=self._request,
            lane=lane,
            other=other,
            conversation=tuple(conversation),
            tokens=tuple(tokens),
            strengths=dict(strengths),
        )
        async for event in self._ask(request):
            if isinstance(event, Weighed | Failed | EngineDied):
                return event
        raise AssertionError("a request ends with an answer or the engine's death")

    def cancel(self) -> None:
        """Ask the engine to end the answers under way; they end with Done as usual."""
        if self._process is not None:
            self._send(self._process, Cancel(id=self._request))

    async def close(self) -> None:
        """End the engine: closing its stdin is enough, a stuck one is killed."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _ask(
        self, request: Generate | Weigh
    ) -> AsyncIterator[Delta | Done | Weighed | Finished | Failed | EngineDied]:
        """Send a request and yield what answers it, up to what ends it."""
        process = self._process
        if process is None:
            yield EngineDied(reason="the chat engine is not running", log="")
            return
        self._send(process, request)
        while True:
            event = await self._receive(process)
            if isinstance(event, EngineDied):
                yield event
                return
            if isinstance(event, Progress | Opened) or event.id != request.id:
                continue
            yield event
            if isinstance(event, Weighed | Finished | Failed):
                return

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # nothing in a run folder is ever imported
                "-m",
                ENGINE,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"},
                start_new_session=True,
                limit=_LONGEST_LINE,
            )
        return self._process

    @staticmethod
    def _send(process: asyncio.subprocess.Process, message: Message) -> None:
        """Queue a line; that the engine is gone is told by the reading side."""
        if process.stdin is not None:
            with suppress(ConnectionError):
                process.stdin.write(encode(message))

    async def _receive(self, process: asyncio.subprocess.Process) -> Reply | EngineDied:
        line = await process.stdout.readline() if process.stdout else b""
        if line.endswith(b"\n"):
            return read_reply(line)
        return EngineDied(reason=_reason(await process.wait()), log=self._log_tail())

    def _log_tail(self) -> str:
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _LOG_TAIL))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


def _reason(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the chat engine was killed, perhaps because memory ran out"
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"the chat engine ended unexpectedly ({how})"
