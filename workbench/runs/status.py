"""status.json: the state of a run, replaced atomically by its worker."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.core.contained import ContainedFolder
from workbench.core.formatting import duration
from workbench.core.redaction import scrub
from workbench.runs.process import process_identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

State = Literal[
    "queued", "starting", "running", "stopping", "finished", "stopped", "failed", "lost"
]
LIVE: frozenset[State] = frozenset({"queued", "starting", "running", "stopping"})
Time = Annotated[float, Field(ge=0, lt=1 << 36, allow_inf_nan=False)]
"""Seconds since the epoch, in the next two thousand years: others cannot be shown as a date."""

Count = Annotated[int, Field(ge=0, lt=1 << 53)]
_MAX_BYTES = 1 << 20
HEARTBEAT_SECONDS = 10.0
"""Seconds between two heartbeats of a worker that has nothing else to report."""

MISSED_HEARTBEATS = 3
_TIMEOUT = 60.0
"""Seconds without a heartbeat from another host, or without a worker, after which a run is lost."""


class Status(BaseModel):
    """The state of a run; times are seconds since the epoch.

    Attributes:
        worker_args: Arguments of the worker, such as ``resume``; none to start at the beginning.
        process: Identifies the worker beyond its pid, see
            :func:`workbench.runs.process.process_identity`.
        queue_position: From 1 among the runs that wait for ``device``; 0 if it is not waiting.
        scheduler: What else starts the run, such as SLURM; nobody here knows when.
        step: Steps taken.
        total: Steps of the whole run.
        reason: Why it is in this state.
        paused: Why its worker is paused; empty if it is not.
        oom_kills: Of :func:`workbench.core.cgroups.oom_kills`, when its worker began.
        readable: Whether the file could be read; its state is then lost, for want of a better.
        lost_while_queued: The worker of this lost run died before it began, so that the run can be
            queued again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State = "queued"
    created: Time = 0.0
    started: Time | None = None
    ended: Time | None = None
    worker_args: tuple[str, ...] = ()
    pid: int | None = Field(None, ge=1, lt=1 << 31)
    process: str | None = None
    host: str = ""
    heartbeat: Time = 0.0
    phase: str = ""
    queue_position: Count = 0
    device: str = ""
    scheduler: str = ""
    step: Count = 0
    total: Count = 0
    reason: str = ""
    paused: str = ""
    lost_while_queued: bool = False
    oom_kills: Count | None = None
    readable: bool = Field(default=True, exclude=True)

    @property
    def live(self) -> bool:
        """Whether a worker is, or soon will be, working on it."""
        return self.state in LIVE

    @property
    def is_paused(self) -> bool:
        """Whether its worker is alive but waiting for something."""
        return self.live and bool(self.paused)

    @property
    def is_unresponsive(self) -> bool:
        """Whether its worker, which is not known to be dead, has missed three heartbeats."""
        waits = self.is_paused or self.pid is None or bool(self.scheduler)
        return self.live and not waits and self._silence > MISSED_HEARTBEATS * HEARTBEAT_SECONDS

    @property
    def _silence(self) -> float:
        """Seconds since the last heartbeat."""
        return time.time() - self.heartbeat

    @property
    def explanation(self) -> str:
        """Why it is paused or in its state; empty if that needs no explanation."""
        if self.is_unresponsive:
            return (
                f"no sign of life from its worker (pid {self.pid} on {self.host}) for "
                f"{duration(self._silence)}: it is suspended, hangs, or waits for a disk or the "
                "network; 'ftwb stop' asks it to stop, and then offers to kill it"
            )
        return self.paused if self.is_paused else self.reason

    @property
    def resumable(self) -> bool:
        """Whether it ended early; a run that never began is queued again instead."""
        return self.state in ("stopped", "failed", "lost") and not self.lost_while_queued

    @property
    def label(self) -> str:
        """The state for people, with the position in the queue."""
        if not self.readable:
            return "unreadable"
        if self.is_paused:
            return "paused"
        if self.is_unresponsive:
            return "not responding"
        if self.state == "queued" and self.queue_position:
            return f"queued, {ordinal(self.queue_position)} for {self.device}"
        if self.state == "queued" and self.scheduler:
            return f"queued for {self.scheduler}"
        return self.state

    def save(self, path: Path) -> None:
        """Replace the file atomically, without access tokens or the home folder in its texts."""
        scrubbed = {"reason": scrub(self.reason), "paused": scrub(self.paused)}
        text = self.model_copy(update=scrubbed).model_dump_json(indent=1)
        ContainedFolder(path.parent).write_atomic(path, text)

    @classmethod
    def read(cls, path: Path, has_proof: Callable[[], bool] = lambda: False) -> Status:
        """Read the file and check whether the worker it names is alive.

        Args:
            path: The file.
            has_proof: Whether it is alive though its pid and heartbeat do not show it.

        An unreadable file gives a lost run instead of an error, so that one broken run never hides
        the others.
        """
        try:
            status = cls.model_validate_json(
                ContainedFolder(path.parent).read_bytes(path, _MAX_BYTES)
            )
        except (OSError, ValueError, RecursionError):
            return cls(state="lost", readable=False, reason=f"{path.name} cannot be read")
        return status.checked(has_proof)

    def checked(self, has_proof: Callable[[], bool] = lambda: False) -> Status:
        """This status, or ``lost`` if it names a worker that is not alive."""
        if not self.live or self._worker_is_alive() or has_proof():
            return self
        lost_while_queued = self.state == "queued" and self.pid is not None
        if self.pid is None:
            reason = "no worker was ever started"
        elif lost_while_queued:
            reason = f"its worker died in the queue; 'ftwb queue' on {self.host} queues it again"
        elif self.host != socket.gethostname():
            reason = (
                f"no heartbeat from its worker on {self.host} for {_TIMEOUT:.0f} s: it died, or "
                "the network or a clock is wrong"
            )
        else:
            reason = f"the worker (pid {self.pid}) ended without giving a reason; see worker.log"
        return self.model_copy(
            update={"state": "lost", "reason": reason, "lost_while_queued": lost_while_queued}
        )

    def _worker_is_alive(self) -> bool:
        if self.pid is None:
            return bool(self.scheduler) or abs(time.time() - self.created) < _TIMEOUT
        if self.host != socket.gethostname():
            return time.time() - self.heartbeat < _TIMEOUT
        return self.process is not None and process_identity(self.pid) == self.process

    @classmethod
    def of_this_process(cls, **values: object) -> Status:
        """A status that names the calling process as the worker."""
        return cls.of_process(os.getpid(), **values)

    @classmethod
    def of_process(cls, pid: int, **values: object) -> Status:
        """A status that names a process of this machine as the worker."""
        worker = {
            "pid": pid,
            "process": process_identity(pid),
            "host": socket.gethostname(),
            "heartbeat": time.time(),
        }
        return cls.model_validate({**worker, **values})


def ordinal(number: int) -> str:
    """Write 1 as 1st, 2 as 2nd, 3 as 3rd, 11 as 11th."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
