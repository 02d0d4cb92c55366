"""Workers that are killed on command: forked from one warm process, at a chosen operation.

A worker spends seconds on imports and a tiny model needs a fraction of one, so many kills are only
affordable from a process that has imported everything. All else is as always: the launcher, the
queue, the lock of the run and the worker's own ``main``.
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

WRONG_OPERATION = 99
"""Exit code of a worker whose operation at the index of its fault is not the expected one."""

TRACE = "trace"
"""The file of a run that lists its operations, one a line, where it is traced."""


@dataclass(frozen=True)
class Fault:
    """SIGKILL at one operation of a worker on the disk, or a disk that turns read-only there.

    Attributes:
        index: Of the operation among all, from 0; None is the first of this name.
        operation: What is done there.
        when: Before it is done, halfway through, or after; ``read-only`` kills nothing, but from
            there on the file system of the run refuses writes.
    """

    index: int | None
    operation: str
    when: Literal["before", "half", "after", "read-only"]

    def strikes(self, index: int, operation: str) -> bool:
        """Whether it is now."""
        return operation == self.operation if self.index is None else index == self.index


@dataclass
class ForkedWorkers:
    """The warm process, as seen by a test; replaces ``subprocess`` where workers are started.

    Attributes:
        fault: What happens to the next worker; None lets it live.
        traced: Whether the next worker lists its operations.
    """

    pipe: Connection
    fault: Fault | None = None
    traced: bool = False
    DEVNULL = subprocess.DEVNULL
    STDOUT = subprocess.STDOUT

    def Popen(self, command: list[str], *, env: dict[str, str], **_: object) -> SimpleNamespace:  # noqa: N802 - as it is called there
        self.pipe.send((command[4:], env, self.fault, self.traced))
        self.fault, self.traced = None, False
        return SimpleNamespace(pid=self.pipe.recv())

    def wait(self, pid: int) -> int:
        """Wait for a worker; its exit code, or minus the signal that killed it."""
        self.pipe.send(pid)
        return os.waitstatus_to_exitcode(self.pipe.recv())


def start_forking(environment: dict[str, str], warm_up: Path) -> ForkedWorkers:
    """Start the process and let it do the run in ``warm_up``, so that everything is imported."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, environment, warm_up), daemon=True
    )
    process.start()
    theirs.close()
    assert ours.recv() == "finished"
    return ForkedWorkers(ours)


def _serve(pipe: Connection, environment: dict[str, str], warm_up: Path) -> None:
    os.environ.update(environment)
    import torch

    from workbench.runs.folder import RunFolder
    from workbench.training import __main__ as _main
    from workbench.training.worker import train_run

    del _main
    torch.set_num_threads(1)
    train_run(RunFolder(warm_up))
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()
    pipe.send(RunFolder(warm_up).status().state)
    with suppress(EOFError):  # the test is over
        _fork_on_command(pipe)


def _fork_on_command(pipe: Connection) -> None:
    while True:
        order = pipe.recv()
        if isinstance(order, int):
            pipe.send(os.waitpid(order, 0)[1])
        elif pid := os.fork():
            pipe.send(pid)
        else:
            pipe.close()
            os._exit(_work(*order))


def _work(
    arguments: list[str], environment: dict[str, str], fault: Fault | None, traced: bool
) -> int:
    """Be a worker, as if freshly started."""
    from workbench.training.__main__ import main

    run = Path(arguments[0])
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    log = os.open(run / "worker.log", os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["worker", *arguments]
    _write_at_every_chance()
    if fault or traced:
        FaultInjector(run, fault, traced).watch()
    try:
        return main()
    except Exception:  # noqa: BLE001 - the fork ends here, whatever it was
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _write_at_every_chance() -> None:
    """Write whatever is written from time to time at every chance, and from one thread only."""
    from workbench.training.reporting import memory_monitor, reporter

    reporter._PROGRESS_SECONDS, reporter._HEARTBEAT_SECONDS = 0.0, 3600.0
    memory_monitor._INTERVAL_SECONDS = 0.0


class FaultInjector:
    """Counts what a worker does to the disk, and kills it at one of these operations."""

    def __init__(self, run: Path, fault: Fault | None, traced: bool) -> None:
        self._run = run
        self._fault = fault
        self._trace = (run / TRACE).open("w") if traced else None
        self._index = -1
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

    def _pass(self, operation: str, do: Callable[[], Any], half: Callable[[], Any]) -> Any:
        self._index += 1
        self._refuse()
        if self._trace:
            print(operation, file=self._trace, flush=True)
        fault = self._fault
        if fault is None or not fault.strikes(self._index, operation):
            return do()
        if fault.operation != operation:
            os.write(2, f"came to {operation}, not to {fault}".encode())
            os._exit(WRONG_OPERATION)
        if fault.when == "read-only":
            self._read_only = True
            self._refuse()
        with suppress(OSError):  # of a folder that exists already
            {"before": lambda: None, "half": half, "after": do}[fault.when]()
        return os.kill(os.getpid(), signal.SIGKILL)

    def _refuse(self) -> None:
        if self._read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def _name(self, path: Any, folder: int | None = None) -> str:
        """Of a path inside the run, without what differs from run to run; empty for another."""
        place = Path(path) if folder is None else Path(f"/proc/self/fd/{folder}").readlink() / path
        if not place.is_relative_to(self._run):
            return ""
        return place.relative_to(self._run).as_posix().removesuffix(f".{os.getpid()}")

    def _on_path(self, name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *rest: Any, **options: Any) -> Any:
            name_in_run = self._name(path, options.get("dir_fd") or options.get("src_dir_fd"))
            if "/." in f"/{Path(name_in_run).parent}" and options.get("dir_fd"):
                operation = "remove"  # by shutil.rmtree: in the order of the disk
            elif name_in_run:
                operation = f"{name} {name_in_run}"
            else:
                return do(path, *rest, **options)
            return self._pass(operation, lambda: do(path, *rest, **options), lambda: None)

        return call

    def _open(self, do: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, *rest: Any, **options: Any) -> int:
            name_in_run = self._name(path, options.get("dir_fd"))
            if name_in_run and rest and rest[0] & os.O_CREAT:
                self._refuse()
            file = do(path, *rest, **options)
            self._files[file] = name_in_run
            return file

        return call

    def _write(self, do: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def call(file: int, data: Any) -> int:
            if self._files.get(file) != "events.jsonl":
                return do(file, data)
            kind = json.loads(data.splitlines()[-1])["kind"]
            return self._pass(
                f"write {kind}",
                lambda: do(file, data),
                lambda: do(file, data[: len(data) // 2]),
            )

        return call

    def _sync(self, do: Callable[..., None]) -> Callable[..., None]:
        def call(file: Any) -> Any:
            number = file if isinstance(file, int) else file.fileno()
            name_in_run = self._files.get(number)
            if not name_in_run:
                return do(file)
            return self._pass(f"fsync {name_in_run}", lambda: do(file), lambda: None)

        return call

    def _serialize(self, do: Callable[..., None]) -> Callable[..., None]:
        def call(tensors: Any, path: Any, **options: Any) -> None:
            def half() -> None:
                do(tensors, path, **options)
                os.truncate(path, Path(path).stat().st_size // 2)

            self._pass(f"weights {self._name(path)}", lambda: do(tensors, path, **options), half)

        return call
