"""The engine: owns torch and the lanes, and handles one request after the other."""

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
from workbench.core.errors import BadInputError, FtwbError, first_line
from workbench.runs.folder import RunFolder

if TYPE_CHECKING:
    from typing import BinaryIO, NoReturn

    from workbench.chat.engine.decoding import Decoder
    from workbench.chat.protocol import Message


class Engine:
    """Reads requests on a separate thread, so that a cancel takes effect during an answer.

    The process ends with its client: when the client's end of the pipe closes, the reading thread
    exits the process at once, whatever is being loaded or computed.
    """

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        """Speak the protocol over two streams."""
        self._requests = requests
        self._replies = replies
        self._inbox: queue.Queue[Open | Generate | ScoreTokens] = queue.Queue()
        self._cancelled: set[int] = set()
        self._decoder: Decoder | None = None

    def run(self) -> NoReturn:
        """Handle requests until the client is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self._handle(self._inbox.get())

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

    def _handle(self, request: Open | Generate | ScoreTokens) -> None:
        """Handle one request; any error becomes a message, and the engine stays alive."""
        try:
            match request:
                case Open():
                    self._open(request)
                case Generate():
                    for message in self._ready_decoder().answer(
                        request, lambda: request.id in self._cancelled
                    ):
                        self._send(message)
                case ScoreTokens():
                    from workbench.chat.engine.token_scoring import score_tokens

                    self._send(score_tokens(self._ready_decoder(), request))
        except Exception as error:  # noqa: BLE001 - the client must hear of every failure
            if not isinstance(error, FtwbError):
                traceback.print_exc()
            self._send(Failed(id=getattr(request, "id", None), text=_describe(error)))

    def _open(self, request: Open) -> None:
        from workbench.chat.engine.base_check import check_base
        from workbench.chat.engine.lane_check import open_checked

        self._decoder = None
        checked = open_checked(request.sources, self._report)
        self._decoder = checked.decoder
        lanes = checked.decoder.lanes
        folders = dict.fromkeys(source.run for source in request.sources)
        runs = [RunFolder(Path(folder)) for folder in folders]
        self._send(
            Opened(
                lanes=lanes.facts(checked.notes),
                proof=check_base(lanes, checked.logits, runs),
                context=self._decoder.context,
                device=str(lanes.device),
                dtype=str(lanes.base.dtype).removeprefix("torch."),
            )
        )

    def _ready_decoder(self) -> Decoder:
        if self._decoder is None:
            raise BadInputError("no run is open in the chat engine; open one first")
        return self._decoder

    def _report(self, what: str, done: int, total: int) -> None:
        self._send(Progress(what=what, done=done, total=total))

    def _send(self, message: Message) -> None:
        self._replies.write(encode(message))
        self._replies.flush()


def _describe(error: Exception) -> str:
    """One line for the user."""
    if isinstance(error, FtwbError):
        return str(error)
    from workbench.models.auto_batch_size import out_of_memory

    if out_of_memory(error):
        return "out of memory: close other programs on the device, or ask for fewer tokens"
    return f"{type(error).__name__}: {first_line(error)}"
