"""status.json: where a run stands, replaced atomically by the worker once it lives."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from workbench.core import files
from workbench.core.redaction import scrub
from workbench.runs.process import identity

if TYPE_CHECKING:
    from pathlib import Path

State = Literal[
    "queued", "starting", "running", "stopping", "finished", "stopped", "failed", "lost"
]
LIVE: frozenset[State] = frozenset({"queued", "starting", "running", "stopping"})
_SILENCE = 60.0
"""Seconds without a heartbeat on another host, or without a worker, after which a run is lost."""


class Status(BaseModel):
    """Where a run stands.

    ``order`` is what the worker was told to do (nothing: to start at the beginning); ``process``
    names it beyond its pid (see :func:`workbench.runs.process.identity`);
    ``scheduler`` says who else starts it, and then nobody here knows when;
    ``heartbeat`` and the other times are seconds since the epoch; ``place`` counts from 1 among the
    runs that wait for ``device`` (0: it waits for none); ``paused`` says why its worker stands
    still; ``stranded`` says of a lost run that its worker died while it waited, so that nothing was
    begun.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State = "queued"
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    order: tuple[str, ...] = ()
    pid: int | None = None
    process: str | None = None
    host: str = ""
    heartbeat: float = 0.0
    phase: str = ""
    place: int = 0
    device: str = ""
    scheduler: str = ""
    step: int = 0
    total: int = 0
    reason: str = ""
    paused: str = ""
    stranded: bool = False

    @property
    def live(self) -> bool:
        """Whether a worker is, or soon will be, at work on it."""
        return self.state in LIVE

    @property
    def stands_still(self) -> bool:
        """Whether its worker lives and waits for something."""
        return self.live and bool(self.paused)

    @property
    def why(self) -> str:
        """Why it is where it is; empty where that needs no reason."""
        return self.paused if self.stands_still else self.reason

    @property
    def resumable(self) -> bool:
        """Whether it ended before its time; what never began is queued again instead."""
        return self.state in ("stopped", "failed", "lost") and not self.stranded

    @property
    def words(self) -> str:
        """The state, with the place in the queue of a run that waits, or that it stands still."""
        if self.stands_still:
            return "paused"
        if self.state == "queued" and self.place:
            return f"queued, {ordinal(self.place)} for {self.device}"
        if self.state == "queued" and self.scheduler:
            return f"queued for {self.scheduler}"
        return self.state

    def save(self, path: Path) -> None:
        """Replace the file in one step; its words name neither tokens nor the home folder."""
        words = {"reason": scrub(self.reason), "paused": scrub(self.paused)}
        clean = self.model_copy(update=words)
        files.write_atomic(path, clean.model_dump_json(indent=1))

    @classmethod
    def read(cls, path: Path) -> Status:
        """Read the file and correct it by what is true: a dead worker makes the run lost.

        A file that cannot be read is a lost run too, so that one of them never hides the others.
        """
        try:
            status = cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls(state="lost", reason=f"{path.name} cannot be read")
        return status.checked()

    def checked(self) -> Status:
        """This status, or ``lost`` when it claims a worker that does not live."""
        if not self.live or self._worker_lives():
            return self
        stranded = self.state == "queued" and self.pid is not None
        reason = f"the worker (pid {self.pid}) ended without saying why; see worker.log"
        if self.pid is None:
            reason = "no worker was ever started"
        elif stranded:
            reason = f"its worker died while it waited; 'ftwb queue' on {self.host} queues it again"
        elif self.host != socket.gethostname():
            reason = (
                f"no sign of life from its worker on {self.host} for {_SILENCE:.0f} s: it died, "
                "or the network or a clock is wrong"
            )
        return self.model_copy(update={"state": "lost", "reason": reason, "stranded": stranded})

    def _worker_lives(self) -> bool:
        if self.pid is None:
            return bool(self.scheduler) or abs(time.time() - self.created) < _SILENCE
        if self.host != socket.gethostname():
            return time.time() - self.heartbeat < _SILENCE
        return self.process is not None and identity(self.pid) == self.process

    @classmethod
    def of_this_process(cls, **values: object) -> Status:
        """A status that names the calling process as the worker."""
        return cls.of_process(os.getpid(), **values)

    @classmethod
    def of_process(cls, pid: int, **values: object) -> Status:
        """A status that names a process of this machine as the worker: its end is the run's."""
        now = time.time()
        own = {
            "pid": pid,
            "process": identity(pid),
            "host": socket.gethostname(),
            "heartbeat": now,
        }
        return cls.model_validate({**own, **values})


def ordinal(number: int) -> str:
    """Write a place as a word: 1st, 2nd, 3rd, 4th, 11th."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
