"""Standard benchmarks on base and result, by lm-evaluation-harness on one loaded model."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError, MachineError, NotFoundError, first_line
from workbench.data.splitting import load_split
from workbench.evaluation.analysis.benchmarks import BenchmarkRound
from workbench.evaluation.fingerprint import Numerics, take_fingerprint, verify_base
from workbench.evaluation.lm_eval.harness_scores import benchmark_scores
from workbench.evaluation.lm_eval.redirect_output import output_to
from workbench.models.auto_batch_size import AutoBatchSize
from workbench.models.dtype import read_dtypes
from workbench.models.eval_mode import eval_mode, preserved_rng_state
from workbench.models.library_output import quieten_libraries
from workbench.models.loaded_base import open_base
from workbench.models.template_record import read_template

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.models.loaded_base import LoadedBase
    from workbench.runs.folder import RunFolder

_PACKAGES = ("ftwb", "lm_eval", "torch", "transformers", "datasets")

_FEWSHOT_SEED = 1234
"""The harness's own default."""

_BOOTSTRAP_ITERATIONS = 1000
"""Of the harness, for metrics whose standard error has no formula."""


@dataclass(frozen=True)
class BenchmarkRequest:
    """Which benchmarks to run, and how.

    Attributes:
        tasks: Names of tasks, groups or tags of the harness.
        limit: Documents of each task that are asked, from the first; None for all.
        include_path: A folder with further task files.
        chat_template: Ask the documents as user messages in a chat.
    """

    tasks: Sequence[str]
    limit: int | None = None
    include_path: Path | None = None
    chat_template: bool = False


def benchmark(
    run: RunFolder, request: BenchmarkRequest, report: ProgressCallback
) -> BenchmarkRound:
    """Run benchmarks on the untouched base, load the result of ``run``, and run them again.

    The output of the harness goes to ``benchmarks.log`` in the run's folder; random state and the
    model's mode are left as they were.

    Args:
        run: A run with a result.
        request: Which benchmarks to run.
        report: Called with what is being done.

    Raises:
        MachineError: The harness is not installed, or a task's dataset cannot be fetched.
        BadInputError: There is no such task, or it cannot be run.
        FtwbError: There is no result, or the base can no longer be read.
    """
    _require_harness()
    quieten_libraries()
    if not run.has_result():
        raise NotFoundError(f"{run.id} is {run.status().state} and has no result to benchmark")
    recipe = run.recipe()
    with preserved_rng_state():
        # 1. Load the tasks, then the base, which must be the one the run started from.
        with output_to(_log(run)):
            report("loading the tasks", 0, 0)
            tasks = _load_tasks(request)
        split = load_split(recipe.data, recipe.training.seed)
        loaded = open_base(recipe, split, read_dtypes(run), report, read_template(run))
        logits = take_fingerprint(loaded.base, loaded.tokenizer)
        verify_base(run, logits, Numerics.of(loaded.base))
        # 2. Ask the base, then the result on the same model.
        harness = _Harness(loaded, request, tasks, _log(run), report)
        report("benchmarks on the base", 0, 0)
        before = harness.evaluate(loaded.base)
        report("benchmarks on the result", 0, 0)
        after = harness.evaluate(recipe.strategy.load(loaded.base, run.model))
    return BenchmarkRound(
        measured=time.time(),
        versions={name: version(name) for name in _PACKAGES},
        device=str(loaded.device),
        dtype=str(loaded.base.dtype).removeprefix("torch."),
        batch_size=harness.batch_size,
        limit=request.limit,
        chat_template=request.chat_template,
        scores=tuple(benchmark_scores(before, after)),
    )


def _require_harness() -> None:
    if importlib.util.find_spec("lm_eval") is None:
        raise MachineError(
            "standard benchmarks need lm-evaluation-harness, which is not installed: "
            "pip install 'ftwb[lm-eval]'"
        )


def _log(run: RunFolder) -> Path:
    return run.path / "benchmarks.log"


def _load_tasks(request: BenchmarkRequest) -> Any:
    """The harness's tasks with their documents.

    Raises:
        MachineError: A dataset cannot be fetched.
        BadInputError: A name or a task file is wrong.
    """
    manager = _task_manager(request)
    names = ", ".join(request.tasks)
    for name in request.tasks:
        if name not in manager.all_tasks:
            near = get_close_matches(name, manager.all_tasks, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "'lm_eval ls tasks' lists them"
            raise NotFoundError(f"{name}: lm-evaluation-harness has no such task; {hint}")
    try:
        loaded = manager.load(list(request.tasks))
    except OSError as error:
        raise MachineError(
            f"the documents of {names} cannot be read or fetched from the hub: {first_line(error)}"
        ) from error
    except (ImportError, KeyError, LookupError, TypeError, ValueError) as error:
        raise BadInputError(
            f"{names} cannot be run: {type(error).__name__}: {first_line(error)}"
        ) from error
    for task in loaded["tasks"].values():
        if task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=0)
    return loaded


def _task_manager(request: BenchmarkRequest) -> Any:
    """The harness's index of tasks, without its own thousands if none of them is wanted."""
    from lm_eval.tasks import TaskManager

    if request.include_path is None:
        return TaskManager()
    folder = str(request.include_path)
    custom: Any = TaskManager(include_path=folder, include_defaults=False)
    suffices = set(request.tasks) <= set(custom.all_subtasks)
    return custom if suffices else TaskManager(include_path=folder)


class _Harness:
    """Runs one set of tasks on models."""

    def __init__(
        self,
        loaded: LoadedBase,
        request: BenchmarkRequest,
        tasks: Any,
        log: Path,
        report: ProgressCallback,
    ) -> None:
        self._loaded = loaded
        self._request = request
        self._tasks = tasks
        self._log = log
        recipe = loaded.recipe
        one_at_a_time = recipe.strategy.virtual_tokens() > 0  # PEFT lets padding between them show
        self.batch_size = 1 if one_at_a_time else recipe.training.micro_batch_size
        self._auto_batch = AutoBatchSize(
            "the benchmarks", self.batch_size, lambda text: report(text, 0, 0)
        )

    def evaluate(self, model: Module) -> dict[str, Any]:
        """The harness's results and samples, in batches that fit into memory."""
        return self._auto_batch.run(lambda batch_size: self._evaluate(model, batch_size))

    def _evaluate(self, model: Module, batch_size: int) -> dict[str, Any]:
        from lm_eval import evaluate
        from lm_eval.models.huggingface import HFLM
        from transformers import set_seed

        self.batch_size = batch_size
        loaded, request = self._loaded, self._request
        set_seed(_FEWSHOT_SEED)
        for task in self._tasks["tasks"].values():
            task.set_fewshot_seed(seed=_FEWSHOT_SEED)
        with output_to(self._log), eval_mode(model), loaded.autocast():
            harness_model: Any = HFLM(
                pretrained=model,
                tokenizer=loaded.tokenizer,
                batch_size=batch_size,
                max_length=int(min(loaded.context_length, loaded.tokenizer.model_max_length)),
            )
            try:
                results: dict[str, Any] = evaluate(
                    lm=harness_model,
                    task_dict=self._tasks,
                    limit=request.limit,
                    bootstrap_iters=_BOOTSTRAP_ITERATIONS,
                    apply_chat_template=request.chat_template,
                    fewshot_as_multiturn=request.chat_template,
                )
            except ValueError as error:
                raise BadInputError(f"the tasks cannot be run: {first_line(error)}") from error
        return results
