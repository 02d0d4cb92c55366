"""The engine: owns torch and the lanes, answers one request after the other."""

from __future__ import annotations

import os
import queue
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.chat.protocol import (
    Cancel,
    Failed,
    Generate,
    Open,
    Opened,
    Progress,
    ScoreTokens,
    encode,
    read_request,
)
from workbench.core.errors import BadInputError, FtwbError
from workbench.runs.folder import RunFolder

if TYPE_CHECKING:
    from typing import BinaryIO, NoReturn

    from workbench.chat.engine.decoding import Decoder
    from workbench.chat.protocol import Message


class Engine:
    """Reads requests on a thread of its own, so that a cancel is heard in the middle of an answer.

    The process ends with its owner: when the owner's end of the pipe closes, the reading thread
    exits at once, whatever is being loaded or computed.
    """

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        """Talk over two streams of lines."""
        self._requests = requests
        self._replies = replies
        self._inbox: queue.Queue[Open | Generate | ScoreTokens] = queue.Queue()
        self._cancelled: set[int] = set()
        self._decoder: Decoder | None = None

    def run(self) -> NoReturn:
        """Answer until the owner is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self._serve(self._inbox.get())

    def _listen(self) -> None:
        try:
            for line in self._requests:
                request = read_request(line)
                if isinstance(request, Cancel):
                    self._cancelled.add(request.id)
                else:
                    self._inbox.put(request)
        finally:
            os._exit(0)

    def _serve(self, request: Open | Generate | ScoreTokens) -> None:
        """Answer one request; whatever goes wrong is a message, and the engine lives on."""
        try:
            match request:
                case Open():
                    self._open(request)
                case Generate():
                    self._generate(request)
                case ScoreTokens():
                    self._weigh(request)
        except Exception as error:  # noqa: BLE001 - the owner must hear of every failure
            if not isinstance(error, FtwbError):
                traceback.print_exc()
            self._send(Failed(id=getattr(request, "id", None), text=_one_line(error)))

    def _open(self, request: Open) -> None:
        from workbench.chat.engine.base_check import prove
        from workbench.chat.engine.loader import open_sources

        self._decoder = open_sources(request.sources, self._report)
        lanes = self._decoder.lanes
        self._report("Proving the base", 0, 0)
        proof = prove(lanes, self._decoder.tokenizer, _runs(request))
        self._send(
            Opened(
                lanes=lanes.facts(),
                proof=proof,
                context=self._decoder.context,
                device=str(lanes.device),
                dtype=str(lanes.base.dtype).removeprefix("torch."),
            )
        )

    def _generate(self, request: Generate) -> None:
        for message in self._ready().answer(request, lambda: request.id in self._cancelled):
            self._send(message)

    def _weigh(self, request: ScoreTokens) -> None:
        from workbench.chat.engine.token_scoring import weigh

        self._send(weigh(self._ready(), request))

    def _ready(self) -> Decoder:
        if self._decoder is None:
            raise BadInputError("no run is open")
        return self._decoder

    def _report(self, what: str, done: int, total: int) -> None:
        self._send(Progress(what=what, done=done, total=total))

    def _send(self, message: Message) -> None:
        self._replies.write(encode(message))
        self._replies.flush()


def _runs(request: Open) -> list[RunFolder]:
    """The runs that are open, each once."""
    return [RunFolder(Path(run)) for run in dict.fromkeys(each.run for each in request.sources)]


def _one_line(error: Exception) -> str:
    if isinstance(error, FtwbError):
        return str(error)
    if type(error).__name__ == "OutOfMemoryError":
        return "out of memory: end other programs on the device, or ask for fewer tokens"
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}"
