"""Workers that die on command: forked from one warm process, killed at a chosen moment.

A worker spends seconds on imports and a tiny model needs a fraction of one, so that many deaths are
only affordable from a process that has imported all of it. Everything else is as it always is: the
launcher, the queue, the lock of the run and the worker's own ``main``.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

WRONG_MOMENT = 99
"""Exit code of a worker that came to another moment than the one it was to die at."""

TRACE = "trace"
"""The file of a run that names its moments, one a line, where they are asked for."""


@dataclass(frozen=True)
class Death:
    """SIGKILL at one moment of a worker's writing, or the end of all writing.

    Attributes:
        place: Of the moment among all, from 0; None is the first that is of this name.
        moment: What is done there.
        when: Before it is done, halfway through, or after; ``read-only`` kills nobody, but from
            that moment on the file system of the run takes nothing.
    """

    place: int | None
    moment: str
    when: Literal["before", "half", "after", "read-only"]

    def acquire(self, place: int, moment: str) -> bool:
        """Whether it is now."""
        return moment == self.moment if self.place is None else place == self.place


@dataclass
class Nursery:
    """The warm process, as seen by a test; stands in for ``subprocess`` where workers are started.

    Attributes:
        death: How the next worker dies; None lets it live.
        traced: Whether the next worker names its moments.
    """

    pipe: Connection
    death: Death | None = None
    traced: bool = False
    DEVNULL = subprocess.DEVNULL
    STDOUT = subprocess.STDOUT

    def Popen(self, command: list[str], *, env: dict[str, str], **_: object) -> SimpleNamespace:  # noqa: N802 - as it is called there
        self.pipe.send((command[4:], env, self.death, self.traced))
        self.death, self.traced = None, False
        return SimpleNamespace(pid=self.pipe.recv())

    def end_of(self, pid: int) -> int:
        """Wait for a worker; its exit code, or minus the signal that killed it."""
        self.pipe.send(pid)
        return os.waitstatus_to_exitcode(self.pipe.recv())


def opened(environment: dict[str, str], warming: Path) -> Nursery:
    """Start the process and let it do the run in ``warming``, so that all is imported."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, environment, warming), daemon=True
    )
    process.start()
    theirs.close()
    assert ours.recv() == "finished"
    return Nursery(ours)


def _serve(pipe: Connection, environment: dict[str, str], warming: Path) -> None:
    os.environ.update(environment)
    import torch

    from workbench.runs.folder import RunFolder
    from workbench.training import __main__ as _main
    from workbench.training.worker import work

    del _main
    torch.set_num_threads(1)
    work(RunFolder(warming))
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()
    pipe.send(RunFolder(warming).status().state)
    with suppress(EOFError):  # the test is over
        _obey(pipe)


def _obey(pipe: Connection) -> None:
    while True:
        order = pipe.recv()
        if isinstance(order, int):
            pipe.send(os.waitpid(order, 0)[1])
        elif pid := os.fork():
            pipe.send(pid)
        else:
            pipe.close()
            os._exit(_live(*order))


def _live(words: list[str], environment: dict[str, str], death: Death | None, traced: bool) -> int:
    """Be a worker, as if freshly started."""
    from workbench.training.__main__ import main

    run = Path(words[0])
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    log = os.open(run / "worker.log", os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["worker", *words]
    _let_nothing_hang_on_time()
    if death or traced:
        Moments(run, death, traced).watch()
    try:
        return main()
    except Exception:  # noqa: BLE001 - the fork ends here, whatever it was
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _let_nothing_hang_on_time() -> None:
    """Write all that is written now and then at every chance, and nothing from another thread."""
    from workbench.training.reporting import memory_monitor, reporter

    reporter._PROGRESS, reporter._HEARTBEAT = 0.0, 3600.0
    memory_monitor._INTERVAL = 0.0


class Moments:
    """Counts what a worker does to the disk, and kills it at one of these moments."""

    def __init__(self, run: Path, death: Death | None, traced: bool) -> None:
        self._run = run
        self._death = death
        self._trace = (run / TRACE).open("w") if traced else None
        self._place = -1
        self._read_only = False
        self._files: dict[int, str] = {}

    def watch(self) -> None:
        """Look at every operation from now on; what torch writes goes by safetensors."""
        import safetensors.torch

        for name in ("rename", "replace", "unlink", "rmdir", "mkdir", "link"):
            setattr(os, name, self._on_path(name, getattr(os, name)))
        os.open, os.write, os.fsync = (
            self._open(os.open),
            self._write(os.write),
            self._sync(os.fsync),
        )
        serialize = safetensors.torch.serialize_file
        safetensors.torch.serialize_file = self._serialize(serialize)

    def _pass(self, moment: str, do: Callable[[], Any], half: Callable[[], Any]) -> Any:
        self._place += 1
        self._refuse()
        if self._trace:
            print(moment, file=self._trace, flush=True)
        death = self._death
        if death is None or not death.acquire(self._place, moment):
            return do()
        if death.moment != moment:
            os.write(2, f"came to {moment}, and not to {death}".encode())
            os._exit(WRONG_MOMENT)
        if death.when == "read-only":
            self._read_only = True
            self._refuse()
        with suppress(OSError):  # of a folder that is there already
            {"before": lambda: None, "half": half, "after": do}[death.when]()
        return os.kill(os.getpid(), signal.SIGKILL)

    def _refuse(self) -> None:
        if self._read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def _name(self, path: Any) -> str:
        """Of a path inside the run, without what differs from run to run; empty for another."""
        place = Path(path)
        if not place.is_relative_to(self._run):
            return ""
        return place.relative_to(self._run).as_posix().removesuffix(f".{os.getpid()}")

    def _on_path(self, name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *rest: Any, **options: Any) -> Any:
            known = self._name(path)
            if options.get("dir_fd"):  # shutil.rmtree: in the order of the disk, by bare names
                moment = "remove"
            elif known:
                moment = f"{name} {known}"
            else:
                return do(path, *rest, **options)
            return self._pass(moment, lambda: do(path, *rest, **options), lambda: None)

        return call

    def _open(self, do: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, *rest: Any, **options: Any) -> int:
            known = "" if options.get("dir_fd") else self._name(path)
            if known and rest and rest[0] & os.O_CREAT:
                self._refuse()
            file = do(path, *rest, **options)
            self._files[file] = known
            return file

        return call

    def _write(self, do: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
        def call(file: int, data: bytes) -> int:
            if self._files.get(file) != "events.jsonl":
                return do(file, data)
            kind = json.loads(data.splitlines()[-1])["kind"]
            return self._pass(
                f"write {kind}",
                lambda: do(file, data),
                lambda: do(file, data[: len(data) // 2]),
            )

        return call

    def _sync(self, do: Callable[[Any], None]) -> Callable[[Any], None]:
        def call(file: Any) -> Any:
            number = file if isinstance(file, int) else file.fileno()
            known = self._files.get(number)
            if not known:
                return do(file)
            return self._pass(f"fsync {known}", lambda: do(file), lambda: None)

        return call

    def _serialize(self, do: Callable[..., None]) -> Callable[..., None]:
        def call(tensors: Any, path: Any, **options: Any) -> None:
            def half() -> None:
                do(tensors, path, **options)
                os.truncate(path, Path(path).stat().st_size // 2)

            self._pass(f"weights {self._name(path)}", lambda: do(tensors, path, **options), half)

        return call
