"""The worker: takes one run from its recipe to its result, and says how it went."""

from __future__ import annotations

import traceback
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from transformers import set_seed

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.core.formatting import percent
from workbench.data.splitting import load_split
from workbench.evaluation.run.evaluator import Evaluator
from workbench.models.dtype import resolve_dtypes
from workbench.models.loaded_base import open_base
from workbench.models.loading import choose_device
from workbench.planning.plan import total_steps
from workbench.planning.provenance import require_provenance, save_provenance
from workbench.runs.folder import MEASURING
from workbench.training.base_identity import fingerprint_of
from workbench.training.callbacks.monitor import Monitor
from workbench.training.callbacks.retention_watch import RetentionWatch
from workbench.training.checkpoint.best import BestWeights
from workbench.training.checkpoint.resume import ResumeCallback, resumed
from workbench.training.checkpoint.rng_state import random_states, set_random_states
from workbench.training.checkpoint.write import Checkpointer
from workbench.training.distributed.fsdp import Weights
from workbench.training.distributed.process_group import SINGLE_PROCESS
from workbench.training.oom.micro_batch_splitter import MicroBatchSplitter
from workbench.training.oom.oom_checkpoint import OomCheckpoint
from workbench.training.preparation import WorkerBaseContext
from workbench.training.protections import GuardSet
from workbench.training.reporting.disk_full import StopRequested
from workbench.training.reporting.error_summary import error_summary
from workbench.training.reporting.memory_monitor import MemoryMonitor
from workbench.training.reporting.reporter import Reporter
from workbench.training.result import save_result
from workbench.training.trainer import WorkbenchTrainer, training_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.data.rendering import Rendered
    from workbench.evaluation.run.baseline_cache import Baseline
    from workbench.models.loaded_base import LoadedBase
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder
    from workbench.training.checkpoint.write import Saved, Stateful
    from workbench.training.distributed.process_group import ProcessGroup

_BEST = {
    frozenset({"loss"}): "the lowest held-out loss",
    frozenset({"kl"}): "the last under its budget",
    frozenset({"loss", "kl"}): "the lowest held-out loss under its budget",
}
"""What the best of a run is, by what it was judged by."""


def work(
    run: RunFolder,
    *,
    resume: bool = False,
    step: int | None = None,
    processes: ProcessGroup = SINGLE_PROCESS,
    reporter: Reporter | None = None,
) -> int:
    """Do the run and return the exit code; every end, good or bad, is in status.json.

    Args:
        run: The run.
        resume: Go on from a checkpoint: the newest whole one.
        step: Or that of this step.
        processes: The processes that do it together, of which this is one.
        reporter: Who tells the world of it.
    """
    reporter = reporter or Reporter(run)
    try:
        saved = resumed(run, reporter, step, processes) if resume else None
        stopped = Work(run, run.recipe(), reporter, saved, processes).do()
        reporter.state(
            "stopped" if stopped else "finished", "stopped on request" if stopped else ""
        )
    except StopRequested as order:
        reporter.end("stopped", str(order))
    except Exception as error:  # noqa: BLE001 - the last line of defence: the status must be true
        reason = error_summary(error)
        reporter.end("failed", reason)
        with suppress(OSError):
            traceback.print_exc()
            reporter.last_event("error", text=reason)
        return 1
    return 0


class Work:
    """One run, step by step in the order a reader expects."""

    def __init__(
        self,
        run: RunFolder,
        recipe: Recipe,
        reporter: Reporter,
        saved: Saved | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        """Take the run's recipe, and where to go on from; nothing is loaded yet."""
        self._run = run
        self._recipe = recipe
        self._reporter = reporter
        self._saved = saved
        self._processes = processes
        self._memory = MemoryMonitor(run, reporter, processes)

    def do(self) -> bool:
        """Load, measure, train, measure, save; true when the user stopped it early."""
        recipe, reporter, processes = self._recipe, self._reporter, self._processes
        set_seed(recipe.training.seed)
        reporter.phase("reading the data")
        if self._saved:
            require_provenance(self._run)
        elif processes.is_main:
            reporter.retry_when_disk_full(partial(save_provenance, self._run, recipe))
        dtypes = processes.from_main(
            lambda: reporter.retry_when_disk_full(
                lambda: resolve_dtypes(self._run, recipe, choose_device())
            )
        )
        with processes.main_first():
            split = load_split(recipe.data, recipe.training.seed)
            loaded = open_base(recipe, split, dtypes, self._phase("loading the base model"))
        rows = self._render(loaded)
        evaluator = Evaluator(loaded, warn=partial(reporter.notice, level="warning"))
        for note in evaluator.notes:
            reporter.notice(note, level="warning")
        tell = self._phase("measuring the base")
        fingerprint = processes.from_main(
            lambda: fingerprint_of(loaded, self._run, reporter, resumed=bool(self._saved))
        )
        with processes.main_first():
            base = reporter.retry_when_disk_full(
                lambda: evaluator.base(fingerprint, self._run.base, tell), locations.cache()
            )
            guards = self._protect(loaded, fingerprint, evaluator)
        processes.require_same([*rows, *(guards.mix.rows if guards.mix else ())])
        watch = RetentionWatch(loaded, evaluator, base, reporter)
        model, stopped = self._train(loaded, rows, guards, watch)
        processes.leave()
        if not processes.is_main:
            return stopped
        reporter.phase("saving the result", stoppable=False)
        reporter.retry_when_disk_full(partial(save_result, recipe.strategy, model, self._run.model))
        model = model.to(loaded.device)  # a gathered one is in host memory
        self._measure(model, base, evaluator)
        return stopped

    def _measure(self, model: Module, base: Baseline, evaluator: Evaluator) -> None:
        """Measure the saved result; where that breaks the run has its result all the same."""
        try:
            after = evaluator.result(model, base, self._phase(MEASURING))
            report = evaluator.report(base, after)
            self._reporter.retry_when_disk_full(partial(report.save, self._run.report))
        except StopRequested:
            raise
        except Exception as error:  # noqa: BLE001 - hours of training are worth more than a report
            traceback.print_exc()
            self._reporter.notice(
                f"the result is saved but could not be measured: {error_summary(error)}; "
                f"'ftwb evaluate {self._run.id}' tries again",
                level="warning",
            )

    def _phase(self, name: str) -> ProgressCallback:
        """Enter a phase, and give what tells how far it is."""

        def tell(what: str = "", done: int = 0, total: int = 0) -> None:
            self._reporter.phase(name, what, done, total)
            self._memory.glance()

        tell()
        return tell

    def _render(self, loaded: LoadedBase) -> list[Rendered]:
        """The rows to learn, in tokens."""
        self._reporter.phase("rendering the data")
        rendered = loaded.renderer.render_all(loaded.split.train)
        usable = [row for row in rendered if row.learns]
        length = self._recipe.training.sequence_length
        if not usable:
            raise BadInputError(
                f"no row has a token to learn from: every answer is cut off at {length} tokens"
            )
        if len(usable) < len(rendered):
            self._reporter.notice(
                f"{len(rendered) - len(usable)} rows left out: their answers lie past "
                f"{length} tokens",
                level="warning",
            )
        return usable

    def _protect(self, loaded: LoadedBase, fingerprint: Tensor, evaluator: Evaluator) -> GuardSet:
        """Let every protection that is on, and the strategy, study the untouched base."""
        context = WorkerBaseContext(loaded, fingerprint, self._reporter)
        protections = self._recipe.retention.active().values()
        guards = GuardSet([protection.ready(context) for protection in protections])
        if "loss" in guards.judges and not evaluator.asked.heldout:
            raise BadInputError(
                "retention.early_stopping: no held-out row is left to evaluate on; set "
                "data.heldout, or give more rows"
            )
        self._recipe.strategy.calibrate(context)
        return guards

    def _train(
        self, loaded: LoadedBase, rows: Sequence[Rendered], guards: GuardSet, watch: RetentionWatch
    ) -> tuple[Module, bool]:
        recipe = self._recipe
        self._reporter.phase("preparing")
        if self._saved:
            set_random_states(self._saved.start)
        start = random_states()
        model = recipe.strategy.prepare(loaded.base)
        guards.attach(model)
        guards.divide(self._processes.rank, self._processes.size)
        if self._saved:
            self._saved.restore_weights(model)
        weights = Weights(model, self._processes, shard=recipe.devices.sharding == "full")
        if self._processes.size > 1:
            held = "hold a part of the model each" if weights.sharded else "hold the model each"
            self._reporter.notice(f"{self._processes.size} devices train together and {held}")
        trainer = self._trainer(loaded, model, rows, guards)
        parts: dict[str, Stateful] = {
            "guards": guards,
            "losses": trainer.losses,
            "cutting": trainer.splitter,
        }
        best = BestWeights(self._run.checkpoints)
        checkpointer = Checkpointer(self._run, recipe, best, parts, start, self._processes)
        monitor = parts["monitor"] = Monitor(
            checkpointer, self._reporter, guards, watch, weights, self._memory
        )
        trainer.add_callback(monitor)
        self._steps(trainer, weights, checkpointer, monitor)
        model = weights.whole()
        if self._processes.is_main and best.restore(model):
            which = _BEST[guards.judges]
            self._reporter.notice(f"the result is the model of step {monitor.best_step}: {which}")
        if share := trainer.losses.replay_share:
            self._reporter.notice(f"replayed: {percent(share, 1)} of all learned tokens")
        return model, monitor.stop_asked

    def _trainer(
        self, loaded: LoadedBase, model: Module, rows: Sequence[Rendered], guards: GuardSet
    ) -> WorkbenchTrainer:
        training = self._recipe.training
        arguments = training_arguments(
            training,
            steps=total_steps(training, len(rows), self._processes.size),
            folder=self._run.checkpoints,
            precision=loaded.autocast_dtype,
            on_cpu=loaded.device.type == "cpu",
        )
        groups = self._recipe.strategy.parameter_groups(
            model, training.learning_rate, training.weight_decay
        )
        padding = loaded.tokenizer.pad_token_id
        splitter = partial(MicroBatchSplitter, self._recipe, self._reporter)
        return WorkbenchTrainer(
            model, arguments, rows, padding, guards, splitter, groups, self._processes
        )

    def _steps(
        self,
        trainer: WorkbenchTrainer,
        weights: Weights,
        checkpointer: Checkpointer,
        monitor: Monitor,
    ) -> None:
        """Take the steps, or those that are left."""
        saved, rank = self._saved, self._processes.rank
        rescue = OomCheckpoint(trainer, monitor, self._run)
        if rank:
            set_seed((trainer.args.seed + rank) % 2**32)  # no two drop out the same
        if saved is None:
            rescue.train()
            return
        checkpointer.resume(saved)
        self._reporter.event(
            "notice", level="info", text=f"resumed from step {saved.step}", resumed_from=saved.step
        )
        if saved.step < trainer.args.max_steps:
            trainer.add_callback(ResumeCallback(saved, weights, rank))
            rescue.train(saved.folder)
