"""The run folder: its layout, how it is created, and how it is found."""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from workbench.core.contained import ContainedFolder
from workbench.core.errors import BadInputError, MachineError, NotFoundError
from workbench.core.redaction import holds_token
from workbench.recipe import yaml_io
from workbench.runs.last_words import killed_for_memory, last_words
from workbench.runs.links import require_no_links
from workbench.runs.run_lock import has_proof_of_life
from workbench.runs.status import Status

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.recipe.recipe import Recipe

_NEEDED_BYTES = 64 << 20
"""Free disk space without which no run is created."""

MEASURING = "measuring the result"
"""The phase of a run after its result is saved."""

_ID = re.compile(r"\d{8}-\d{6}-")
_LOG_TAIL_BYTES = 4096


@dataclass(frozen=True)
class RunFolder:
    """One run on disk, which is the only place where its state is kept."""

    path: Path

    @property
    def id(self) -> str:
        """``<yyyymmdd-hhmmss>-<name>``: sorts by age."""
        return self.path.name

    @property
    def files(self) -> ContainedFolder:
        """Opens the files of the run, never following a link: it may come from a stranger."""
        return ContainedFolder(self.path)

    @property
    def recipe_file(self) -> Path:
        """The complete recipe, never rewritten."""
        return self.path / "recipe.yaml"

    @property
    def origin(self) -> Path:
        """Checksums of the recipe and of the data it started from."""
        return self.path / "origin.json"

    @property
    def events(self) -> Path:
        """The append-only event log."""
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        """Stdout and stderr of the worker."""
        return self.path / "worker.log"

    @property
    def control(self) -> Path:
        """Requests to the worker."""
        return self.path / "control"

    @property
    def base(self) -> Path:
        """Measurements of the untouched base."""
        return self.path / "base"

    @property
    def checkpoints(self) -> Path:
        """One ``step-N`` folder per checkpoint, see :mod:`workbench.runs.checkpoints`."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The result."""
        return self.path / "model"

    @property
    def tuned(self) -> Path:
        """Measurements of the result: its logits on fixed prompts."""
        return self.path / "tuned"

    @property
    def rejected(self) -> Path:
        """A result that was not the trained model when it was read back."""
        return self.path / "rejected"

    @property
    def report(self) -> Path:
        """Before and after, item by item."""
        return self.path / "report.json"

    @property
    def chats(self) -> Path:
        """Transcripts of the split chat and the verdicts given in it."""
        return self.path / "chats"

    @property
    def status_file(self) -> Path:
        """The state of the run."""
        return self.path / "status.json"

    def status(self) -> Status:
        """The state of the run, after checking that its worker is alive.

        The reason of a lost run quotes the last line of its worker's log, and says if there is a
        result nevertheless.
        """
        status = Status.read(self.status_file, partial(has_proof_of_life, self))
        if status.state != "lost" or status.lost_while_queued or not status.readable:
            return status
        reason = killed_for_memory(self, status) or status.reason
        if quote := self._last_words():
            reason += f", which ends with: {quote}"
        if status.phase == MEASURING and self.has_result():
            reason += f"; its result is saved: 'ftwb evaluate {self.id}' measures it"
        return status.model_copy(update={"reason": reason})

    def _last_words(self) -> str:
        try:
            return last_words(self.files.tail(self.log, _LOG_TAIL_BYTES).split("\n"))
        except OSError:
            return ""

    def recipe(self) -> Recipe:
        """The recipe it was launched with.

        Raises:
            BadInputError: It cannot be read, or is not valid.
        """
        try:
            text = self.files.read_text(self.recipe_file)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInputError(f"{self.recipe_file}: cannot be read: {error}") from error
        return yaml_io.load(text, source=str(self.recipe_file))

    def has_result(self) -> bool:
        """Whether the weights of a tuned model were saved."""
        with suppress(OSError):
            return any(name.endswith(".safetensors") for name in self.files.names(self.model))
        return False


def _is_run(run: RunFolder) -> bool:
    """Whether a folder is a run, as far as its name and the names in it tell."""
    if run.id.startswith("."):
        return False
    try:
        names = os.listdir(run.path)  # noqa: PTH208 - names are enough
    except OSError:
        return _ID.match(run.id) is not None
    return "status.json" in names or ("recipe.yaml" in names and _ID.match(run.id) is not None)


@dataclass(frozen=True)
class Runs:
    """The folder of all runs."""

    root: Path

    def create(self, recipe: Recipe) -> RunFolder:
        """Create the folder of a new run, completely or not at all.

        Raises:
            BadInputError: The recipe contains an access token.
            MachineError: The disk is full or cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            if shutil.disk_usage(self.root).free < _NEEDED_BYTES:
                raise MachineError(f"{self.root}: no disk space left for a run; free some")
            return self._create(recipe)
        except OSError as error:
            raise MachineError(
                f"{self.root}: cannot create a run: {error.strerror}; set FTWB_HOME or --runs-dir "
                "to a folder of yours with space"
            ) from error

    def _create(self, recipe: Recipe) -> RunFolder:
        text = yaml_io.dump(recipe)
        if holds_token(text):
            raise BadInputError(
                "the recipe contains an access token, but recipes are stored and shared; remove it "
                "and set HF_TOKEN in the environment"
            )
        created = time.time()
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(created))}-{recipe.name}"
        draft = RunFolder(self.root / f".new-{name}-{time.monotonic_ns()}")
        draft.path.mkdir(mode=0o700)
        try:
            draft.control.mkdir(mode=0o700)
            draft.files.write_atomic(draft.recipe_file, text)
            Status(created=created).save(draft.status_file)
            draft.events.touch(mode=0o600)
            return RunFolder(draft.path.rename(self._free_path(name)))
        except BaseException:
            shutil.rmtree(draft.path, ignore_errors=True)
            raise

    def _free_path(self, name: str) -> Path:
        """``name``, or the first of ``name-2``, ``name-3`` … that does not exist."""
        path, number = self.root / name, 1
        while path.exists():
            number += 1
            path = self.root / f"{name}-{number}"
        return path

    def list(self) -> list[RunFolder]:
        """Every run, newest first, also those that are damaged or private to another user.

        Symbolic links are not followed.

        Raises:
            MachineError: The folder of runs cannot be read.
        """
        try:
            with os.scandir(self.root) as found:
                names = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise MachineError(
                f"{self.root}: cannot be read: {error.strerror}; --runs-dir or FTWB_RUNS_DIR "
                "names another folder of runs"
            ) from error
        runs = [RunFolder(self.root / name) for name in sorted(names, reverse=True)]
        return [run for run in runs if _is_run(run)]

    def find(self, name: str) -> RunFolder:
        """Find a run by its id, a unique part of it, or ``last``.

        Raises:
            NotFoundError: No run matches.
            BadInputError: More than one run matches, or its folder holds a link.
        """
        run = self._find(name)
        require_no_links(run)
        return run

    def _find(self, name: str) -> RunFolder:
        if not name:
            raise NotFoundError("the name of a run is empty; 'ftwb runs' lists them")
        runs = self.list()
        if name == "last" and runs:
            return runs[0]
        matches = (
            [run for run in runs if run.id == name]
            or [run for run in runs if run.id.startswith(name)]
            or [run for run in runs if name in run.id]
        )
        if not matches:
            raise NotFoundError(f"{name}: no such run in {self.root}; 'ftwb runs' lists them")
        if len(matches) > 1:
            ids = ", ".join(run.id for run in matches[:4])
            raise BadInputError(
                f"{name} is ambiguous: {len(matches)} runs match ({ids} …); type more of the id"
            )
        return matches[0]
