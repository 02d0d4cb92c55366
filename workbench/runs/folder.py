"""The run folder: its layout, its birth, and finding it again."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core import files
from workbench.core.errors import BadInputError, MachineError, NotFoundError
from workbench.core.redaction import holds_token
from workbench.recipe import yaml_io
from workbench.runs.status import Status

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.recipe.recipe import Recipe

_NEEDED_BYTES = 64 << 20
MEASURING = "measuring the result"
"""The phase of a run whose result is saved."""

_TAIL = 4096
_WORDS = 200


@dataclass(frozen=True)
class RunFolder:
    """One run on disk; nothing about a run is true that is not here."""

    path: Path

    @property
    def id(self) -> str:
        """``<yyyymmdd-hhmmss>-<name>``: sorts by age."""
        return self.path.name

    @property
    def recipe_file(self) -> Path:
        """The full resolved recipe, never rewritten."""
        return self.path / "recipe.yaml"

    @property
    def origin(self) -> Path:
        """Checksums of the recipe and the data it started from."""
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
        """What was measured on the untouched base."""
        return self.path / "base"

    @property
    def checkpoints(self) -> Path:
        """``step-N`` folders."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The result."""
        return self.path / "model"

    @property
    def report(self) -> Path:
        """Before and after, item by item."""
        return self.path / "report.json"

    @property
    def chats(self) -> Path:
        """Transcripts of the split chat, and what was judged by hand in it."""
        return self.path / "chats"

    @property
    def status_file(self) -> Path:
        """Where the run stands."""
        return self.path / "status.json"

    def status(self) -> Status:
        """Where the run stands, corrected by what is true of its worker.

        A worker that died without a word is quoted with the last line of its log; one that died
        over its measurements leaves a result.
        """
        status = Status.read(self.status_file)
        if status.state != "lost" or status.stranded:
            return status
        reason = status.reason
        if words := self._last_words():
            reason += f", it ends with: {words}"
        if status.phase == MEASURING and self.has_result():
            reason += f"; its result is saved: 'ftwb evaluate {self.id}' measures it"
        return status.model_copy(update={"reason": reason})

    def _last_words(self) -> str:
        """The last line that the worker wrote, cut to what fits in a list."""
        if not self.log.is_file():
            return ""
        with self.log.open("rb") as stream:
            stream.seek(max(0, self.log.stat().st_size - _TAIL))
            lines = stream.read().decode(errors="replace").split("\n")
        return next((line.strip()[-_WORDS:] for line in reversed(lines) if line.strip()), "")

    def recipe(self) -> Recipe:
        """The recipe it was launched with."""
        return yaml_io.load_file(self.recipe_file)

    def has_result(self) -> bool:
        """Whether a tuned model was saved: an empty folder is none."""
        return any(self.model.glob("*.safetensors"))


@dataclass(frozen=True)
class Runs:
    """The folder of all runs."""

    root: Path

    def create(self, recipe: Recipe) -> RunFolder:
        """Make the folder of a new run, whole or not at all.

        Raises:
            BadInputError: An access token stands in the recipe.
            MachineError: The disk is full or cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            if shutil.disk_usage(self.root).free < _NEEDED_BYTES:
                raise MachineError(f"{self.root}: no disk space left for a run")
            return self._create(recipe)
        except OSError as error:
            raise MachineError(f"{self.root}: cannot create a run: {error.strerror}") from error

    def _create(self, recipe: Recipe) -> RunFolder:
        text = yaml_io.dump(recipe)
        if holds_token(text):
            raise BadInputError(
                "the recipe holds an access token, and recipes are kept and shared; take it out "
                "and set HF_TOKEN in the environment"
            )
        created = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(created))
        name, number = f"{stamp}-{recipe.name}", 1
        draft = RunFolder(self.root / f".new-{name}-{time.monotonic_ns()}")
        draft.path.mkdir(mode=0o700)
        try:
            draft.control.mkdir(mode=0o700)
            files.write_atomic(draft.recipe_file, text)
            Status(created=created).save(draft.status_file)
            draft.events.touch(mode=0o600)
            while True:
                suffix = "" if number == 1 else f"-{number}"
                final = self.root / f"{name}{suffix}"
                if not final.exists():
                    return RunFolder(draft.path.rename(final))
                number += 1
        except BaseException:
            shutil.rmtree(draft.path, ignore_errors=True)
            raise

    def list(self) -> list[RunFolder]:
        """Every run, newest first; a link that leads elsewhere is none."""
        if not self.root.is_dir():
            return []
        found = [path for path in self.root.iterdir() if (path / "status.json").is_file()]
        visible = [path for path in found if not (path.name.startswith(".") or path.is_symlink())]
        return [RunFolder(path) for path in sorted(visible, reverse=True)]

    def find(self, name: str) -> RunFolder:
        """Find a run by id, unique part of an id, or ``last``.

        Raises:
            NotFoundError: There is no such run.
            BadInputError: More than one run fits.
        """
        if not name:
            raise NotFoundError("the name of a run is empty; 'ftwb runs' lists them")
        every = self.list()
        if name == "last" and every:
            return every[0]
        exact = [run for run in every if run.id == name]
        fitting = exact or [run for run in every if run.id.startswith(name)]
        fitting = fitting or [run for run in every if name in run.id]
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            raise NotFoundError(f"{name}: no such run in {self.root}; 'ftwb runs' lists them")
        names = ", ".join(run.id for run in fitting[:4])
        raise BadInputError(f"{name}: {len(fitting)} runs fit ({names} …); write more of the id")
