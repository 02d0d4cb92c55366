"""Standard benchmarks on base and result, by lm-evaluation-harness on one loaded model."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError, MachineError, NotFoundError
from workbench.data.splitting import load_split
from workbench.evaluation.fingerprint import Held, take_fingerprint
from workbench.evaluation.lm_eval.harness_scores import scores
from workbench.evaluation.lm_eval.redirect_output import output_to
from workbench.evaluation.lm_eval_results import BenchmarkRound
from workbench.evaluation.run.reevaluate import refuse_another_base
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.dtype import read_dtypes
from workbench.models.eval_mode import eval_mode, preserved_rng_state
from workbench.models.library_output import quieten_libraries
from workbench.models.loaded_base import open_base

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.models.loaded_base import LoadedBase
    from workbench.runs.folder import RunFolder

_PACKAGES = ("ftwb", "lm_eval", "torch", "transformers", "datasets")
_SEED = 1234
"""Of the examples before the questions, as the harness itself has it."""

_RESAMPLES = 1000
"""Of the harness's own bootstrap, for metrics whose standard error has no formula."""


@dataclass(frozen=True)
class Wanted:
    """Which benchmarks, and how they are asked.

    Attributes:
        tasks: Names of tasks, groups or tags of the harness.
        limit: Documents of each task that are asked, the first ones; None for all.
        include_path: A folder with task files of the user's own.
        chat_template: Put the documents as a user would in a chat.
    """

    tasks: Sequence[str]
    limit: int | None = None
    include_path: Path | None = None
    chat_template: bool = False


def benchmark(run: RunFolder, wanted: Wanted, report: ProgressCallback) -> BenchmarkRound:
    """Ask the untouched base, attach or load the result of ``run``, and ask again.

    The harness prints and logs into ``benchmarks.log`` in the run's folder; random state and the
    model's mode are left as they were.

    Args:
        run: One with a result.
        wanted: What to ask.
        report: Told what is being done.

    Raises:
        MachineError: The harness is not installed, or a task's dataset cannot be fetched.
        BadInputError: There is no such task, or it cannot be asked.
        FtwbError: There is no result, or the base can no longer be read.
    """
    refuse_without_harness()
    quieten_libraries()
    if not run.has_result():
        raise NotFoundError(f"{run.id} is {run.status().state} and has no result to benchmark")
    recipe = run.recipe()
    with preserved_rng_state():
        with output_to(_log(run)):
            report("loading the tasks", 0, 0)
            tasks = _load_tasks(wanted)
        split = load_split(recipe.data, recipe.training.seed)
        loaded = open_base(recipe, split, read_dtypes(run), report)
        logits = take_fingerprint(loaded.base, loaded.tokenizer)
        refuse_another_base(run, logits, Held.of(loaded.base))
        harness = _Harness(loaded, wanted, tasks, _log(run), report)
        report("benchmarks on the base", 0, 0)
        before = harness.ask(loaded.base)
        report("benchmarks on the result", 0, 0)
        after = harness.ask(recipe.strategy.load(loaded.base, run.model))
    return BenchmarkRound(
        measured=time.time(),
        versions={name: version(name) for name in _PACKAGES},
        device=str(loaded.device),
        dtype=str(loaded.base.dtype).removeprefix("torch."),
        batch_size=harness.batch_size,
        limit=wanted.limit,
        chat_template=wanted.chat_template,
        scores=tuple(scores(before, after)),
    )


def refuse_without_harness() -> None:
    """Refuse where the optional package is missing.

    Raises:
        MachineError: With the command that installs it.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise MachineError(
            "standard benchmarks need lm-evaluation-harness, which is not installed: "
            "pip install 'ftwb[lm-eval]'"
        )


def _log(run: RunFolder) -> Path:
    return run.path / "benchmarks.log"


def _load_tasks(wanted: Wanted) -> Any:
    """The harness's tasks with their documents.

    Raises:
        MachineError: A dataset cannot be fetched.
        BadInputError: A name or a task file is wrong.
    """
    manager = _manager(wanted)
    for name in wanted.tasks:
        if name not in manager.all_tasks:
            near = get_close_matches(name, manager.all_tasks, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "'lm_eval ls tasks' lists them"
            raise NotFoundError(f"{name}: lm-evaluation-harness has no such task; {hint}")
    try:
        loaded = manager.load(list(wanted.tasks))
    except OSError as error:
        raise MachineError(
            f"the documents of {', '.join(wanted.tasks)} cannot be read or fetched from the hub: "
            f"{_first_line(error)}"
        ) from error
    except (ImportError, KeyError, LookupError, TypeError, ValueError) as error:
        raise BadInputError(
            f"{', '.join(wanted.tasks)} cannot be asked: {type(error).__name__}: "
            f"{_first_line(error)}"
        ) from error
    for task in loaded["tasks"].values():
        if task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=0)
    return loaded


def _manager(wanted: Wanted) -> Any:
    """What knows the tasks; the harness's own thousands are left out where none is wanted."""
    from lm_eval.tasks import TaskManager

    if wanted.include_path is None:
        return TaskManager()
    folder = str(wanted.include_path)
    own: Any = TaskManager(include_path=folder, include_defaults=False)
    alone = set(wanted.tasks) <= set(own.all_subtasks)
    return own if alone else TaskManager(include_path=folder)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


class _Harness:
    """Puts one set of tasks to models."""

    def __init__(
        self, loaded: LoadedBase, wanted: Wanted, tasks: Any, log: Path, report: ProgressCallback
    ) -> None:
        self._loaded = loaded
        self._wanted = wanted
        self._tasks = tasks
        self._log = log
        recipe = loaded.recipe
        alone = recipe.strategy.virtual_tokens() > 0  # PEFT lets padding show between these
        self.batch_size = 1 if alone else recipe.training.micro_batch_size
        self._room = AutoBatchSize(
            "the benchmarks", self.batch_size, lambda text: report(text, 0, 0)
        )

    def ask(self, model: Module) -> dict[str, Any]:
        """The harness's results and samples, in batches that there is memory for."""
        return self._room.run(lambda at_once: self._ask(model, at_once))

    def _ask(self, model: Module, at_once: int) -> dict[str, Any]:
        from lm_eval import evaluate
        from lm_eval.models.huggingface import HFLM
        from transformers import set_seed

        self.batch_size = at_once
        loaded, wanted = self._loaded, self._wanted
        set_seed(_SEED)
        for task in self._tasks["tasks"].values():
            task.set_fewshot_seed(seed=_SEED)
        with output_to(self._log), eval_mode(model), loaded.autocast():
            asked: Any = HFLM(
                pretrained=model,
                tokenizer=loaded.tokenizer,
                batch_size=at_once,
                max_length=int(min(loaded.context_length, loaded.tokenizer.model_max_length)),
            )
            try:
                found: dict[str, Any] = evaluate(
                    lm=asked,
                    task_dict=self._tasks,
                    limit=wanted.limit,
                    bootstrap_iters=_RESAMPLES,
                    apply_chat_template=wanted.chat_template,
                    fewshot_as_multiturn=wanted.chat_template,
                )
            except ValueError as error:
                raise BadInputError(f"cannot be asked: {_first_line(error)}") from error
        return found
