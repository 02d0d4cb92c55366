"""The worker: takes one run from its recipe to its result, and records how it ended."""

from __future__ import annotations

import shutil
import traceback
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from accelerate.utils import extract_model_from_parallel
from transformers import set_seed

from workbench.core import locations
from workbench.core.errors import BadInputError
from workbench.core.formatting import percent
from workbench.data.splitting import load_split
from workbench.evaluation.fingerprint import (
    Numerics,
    save_fingerprint,
    take_fingerprint,
    verify_base,
)
from workbench.evaluation.run.evaluator import Evaluator
from workbench.models.loaded_base import open_base
from workbench.models.result_folder import complete
from workbench.planning.provenance import require_provenance, save_provenance
from workbench.planning.token_record import TokenRecord, require_tokens, save_tokens
from workbench.runs.folder import MEASURING
from workbench.training.callbacks.checkpoint import CheckpointCallback
from workbench.training.callbacks.control import ControlCallback
from workbench.training.callbacks.evaluate import EvaluateCallback
from workbench.training.callbacks.metrics import TrainingMetrics
from workbench.training.callbacks.nonfinite import NonfiniteCallback
from workbench.training.callbacks.record import RecordCallback
from workbench.training.callbacks.session import TrainingSession
from workbench.training.checkpoint.best import BestWeights
from workbench.training.checkpoint.resume import ResumeCallback, load_checkpoint
from workbench.training.checkpoint.rng_state import get_rng_states, set_rng_states
from workbench.training.checkpoint.write import Checkpointer
from workbench.training.distributed.fsdp import TrainedModel
from workbench.training.distributed.process_group import SINGLE_PROCESS
from workbench.training.guards import GuardSet
from workbench.training.measuring import ResultMeasurement, SavedResult
from workbench.training.oom.oom_checkpoint import OomCheckpoint
from workbench.training.preparation import WorkerBaseContext
from workbench.training.reporting.disk_full import StopRequested
from workbench.training.reporting.error_summary import error_summary
from workbench.training.reporting.memory_monitor import MemoryMonitor
from workbench.training.reporting.reporter import Reporter
from workbench.training.result import save_result
from workbench.training.result_check import ResultRecord
from workbench.training.settled import settle
from workbench.training.tokenised_data import tokenise_data
from workbench.training.trainer_setup import make_trainer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor
    from torch.nn import Module

    from workbench.core.progress import ProgressCallback
    from workbench.data.rendering import Rendered
    from workbench.data.training_rows import TrainingRows
    from workbench.models.loaded_base import LoadedBase
    from workbench.runs.folder import RunFolder
    from workbench.training.checkpoint.write import SavedState, Stateful
    from workbench.training.distributed.process_group import ProcessGroup

_BEST = {
    frozenset({"loss"}): "the lowest held-out loss",
    frozenset({"kl"}): "the last within its KL budget",
    frozenset({"loss", "kl"}): "the lowest held-out loss within its KL budget",
}
"""Why the best weights of a run are the best, by what the guards decide by."""


def train_run(
    run: RunFolder,
    *,
    resume: bool = False,
    step: int | None = None,
    processes: ProcessGroup = SINGLE_PROCESS,
    reporter: Reporter | None = None,
) -> int:
    """Do the run and return the exit code; every end, good or bad, is recorded in status.json.

    Args:
        run: The run.
        resume: Continue from a checkpoint: the newest intact one.
        step: Or from that of this step.
        processes: The processes that train together, of which this is one.
        reporter: Writes events and status; that of a single process unless given.
    """
    reporter = reporter or Reporter(run)
    try:
        checkpoint = load_checkpoint(run, reporter, step, processes) if resume else None
        if TrainingRun(run, reporter, checkpoint, processes).execute():
            reporter.set_state("stopped", "stopped on request")
        else:
            reporter.set_state("finished")
    except StopRequested as request:
        reporter.end("stopped", str(request))
    except Exception as error:  # noqa: BLE001 - the last line of defence: the status must be true
        reason = error_summary(error)
        reporter.end("failed", reason)
        with suppress(OSError):
            traceback.print_exc()
            reporter.event_without_retry("error", text=reason)
        return 1
    return 0


class TrainingRun:
    """One run, from its recipe to its report."""

    def __init__(
        self,
        run: RunFolder,
        reporter: Reporter,
        checkpoint: SavedState | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        """Prepare to do ``run``, from ``checkpoint`` where there is one; nothing is loaded yet."""
        self._run = run
        self._recipe = run.recipe()
        self._reporter = reporter
        self._checkpoint = checkpoint
        self._processes = processes
        self._memory = MemoryMonitor(run, reporter, processes)

    def execute(self) -> bool:
        """Do the run; true when the user stopped it early.

        All processes do the same until the model is trained; the main one then finishes alone.
        """
        saved, stopped = self._train_and_save()
        if saved:  # the trained model is out of memory now
            result = ResultMeasurement(self._run, self._reporter, self._phase(MEASURING))
            result.measure(saved)
            del saved
            result.look_further()
        return stopped

    def _train_and_save(self) -> tuple[SavedResult | None, bool]:
        """Load, measure, train and save; None in all processes but the main one.

        Returns:
            The result, and whether the user stopped its training early.
        """
        recipe, reporter, processes = self._recipe, self._reporter, self._processes
        set_seed(recipe.training.seed)

        # 1. The data: recorded at the start, and the same again on a resume.
        reporter.phase("reading the data")
        if self._checkpoint:
            require_provenance(self._run)
        elif processes.is_main:
            reporter.retry_when_disk_full(partial(save_provenance, self._run, recipe))

        # 2. The untouched base, in number formats that are settled at the first start.
        settling = partial(settle, self._run, recipe)
        settled = processes.from_main(lambda: reporter.retry_when_disk_full(settling))
        with processes.main_first():
            split = load_split(recipe.data, recipe.training.seed)
            loading = self._phase("loading the base model")
            loaded = open_base(recipe, split, settled.dtypes, loading, settled.template)
        rows = tokenise_data(loaded, reporter)
        self._record_tokens(rows, loaded)

        # 3. What the base can do before training, and a fingerprint that proves which base it is.
        evaluator = Evaluator(loaded, warn=partial(reporter.notice, level="warning"))
        for note in evaluator.notes:
            reporter.notice(note, level="warning")
        report = self._phase("measuring the base")
        fingerprint = processes.from_main(lambda: self._fingerprint(loaded))
        with processes.main_first():
            baseline = reporter.retry_when_disk_full(
                lambda: evaluator.measure_base(fingerprint, self._run.base, report),
                locations.cache(),
            )

            # 4. The protections and the strategy take what they need from the untouched base.
            guards = self._protect(loaded, fingerprint, evaluator)
        processes.require_same_rows(chain(rows, guards.mix.rows if guards.mix else ()))

        # 5. Training.
        metrics = TrainingMetrics(loaded, evaluator, baseline, reporter)
        model, stopped = self._train(loaded, rows, guards, metrics)
        processes.shut_down()
        if not processes.is_main:
            return None, stopped

        # 6. The result, and its logits, which must never stand beside the result of another step.
        reporter.phase("saving the result", stoppable=False)
        shutil.rmtree(self._run.tuned, ignore_errors=True)
        model = recipe.strategy.finish(model)
        rest = partial(complete, loaded=loaded)
        save = partial(save_result, recipe.strategy, model, self._run.model, rest)
        reporter.retry_when_disk_full(save)
        model = model.to(loaded.device)  # one that was sharded is in host memory
        record = ResultRecord.of(recipe.strategy, model, loaded.tokenizer)
        reporter.retry_when_disk_full(partial(record.save_logits, self._run.tuned))
        return SavedResult(record, loaded, settled.dtypes, evaluator, baseline), stopped

    def _phase(self, name: str) -> ProgressCallback:
        """Enter a phase, and return what reports progress in it."""

        def report(description: str = "", done: int = 0, total: int = 0) -> None:
            self._reporter.phase(name, description, done, total)
            self._memory.record_own()

        report()
        return report

    def _record_tokens(self, rows: Iterable[Rendered], loaded: LoadedBase) -> None:
        """Record at the start which tokens are learned; on a resume they must be the same.

        Raises:
            BadInputError: They are others.
        """
        record = TokenRecord.of(rows, loaded.tokenizer)
        keep = partial(require_tokens if self._checkpoint else save_tokens, self._run, record)
        if self._checkpoint or self._processes.is_main:
            self._reporter.retry_when_disk_full(keep)

    def _fingerprint(self, loaded: LoadedBase) -> Tensor:
        """The fingerprint of the base, recorded at the start; on a resume it must be the same.

        Raises:
            BadInputError: It is another base.
        """
        fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
        numerics = Numerics.of(loaded.base)
        recorded = verify_base(self._run, fingerprint, numerics) if self._checkpoint else None
        if recorded is None:
            self._reporter.retry_when_disk_full(
                partial(save_fingerprint, fingerprint, numerics, self._run.base)
            )
        return fingerprint

    def _protect(self, loaded: LoadedBase, fingerprint: Tensor, evaluator: Evaluator) -> GuardSet:
        """Let every protection that is on, and the strategy, measure the untouched base."""
        context = WorkerBaseContext(loaded, fingerprint, self._reporter)
        protections = self._recipe.retention.active().values()
        guards = GuardSet([protection.build_guard(context) for protection in protections])
        if "loss" in guards.decides_by and not evaluator.choosing:
            raise BadInputError(
                "retention.early_stopping: no held-out row is left to evaluate on; set "
                "data.heldout, or give more rows"
            )
        self._recipe.strategy.calibrate(context)
        return guards

    def _train(
        self,
        loaded: LoadedBase,
        rows: TrainingRows,
        guards: GuardSet,
        metrics: TrainingMetrics,
    ) -> tuple[Module, bool]:
        """The trained model, and whether the user stopped its training early."""
        run, recipe, reporter, processes = self._run, self._recipe, self._reporter, self._processes
        saved = self._checkpoint
        reporter.phase("preparing the model")

        # a. The model. Preparing it draws random numbers, so checkpoints keep the states before.
        if saved:
            set_rng_states(saved.initial_rng)
        initial_rng = get_rng_states()
        model = recipe.strategy.prepare(loaded.base)
        guards.attach(model)
        guards.shard(processes.rank, processes.size)
        if saved:
            saved.restore_weights(model)
        trained = TrainedModel(model, processes, shard=recipe.devices.sharding == "full")
        if processes.size > 1:
            share = "a shard of the model" if trained.sharded else "the whole model"
            reporter.notice(f"{processes.size} devices train together; each holds {share}")

        # b. The trainer.
        trainer = make_trainer(loaded, model, rows, guards, run, reporter, processes)

        # c. The callbacks, in the order that workbench.training.callbacks explains.
        session = TrainingSession(run, recipe, reporter, processes)
        best = BestWeights(run.checkpoints)
        nonfinite = NonfiniteCallback(session)
        parts: dict[str, Stateful] = {
            "guards": guards,
            "losses": trainer.losses,
            "splitter": trainer.splitter,
            "clock": session.clock,
            "nonfinite": nonfinite,
            "best": best,
        }
        warn = partial(reporter.notice, level="warning")
        checkpointer = Checkpointer(run, recipe, best, parts, warn, initial_rng, processes)
        control = ControlCallback(session)
        checkpoint = CheckpointCallback(session, checkpointer, trained)
        for callback in (
            RecordCallback(session, guards, self._memory),
            nonfinite,
            control,
            EvaluateCallback(session, control, metrics, guards, trained, best),
            checkpoint,
        ):
            trainer.add_callback(callback)

        # d. The steps, or those that are left after a checkpoint.
        oom = OomCheckpoint(session, trainer, checkpoint)
        if rank := processes.rank:
            set_seed((recipe.training.seed + rank) % 2**32)  # so that no two drop out alike
        if saved is None:
            oom.train()
        else:
            checkpointer.resume(saved)
            text = f"resumed from step {saved.step}"
            reporter.event("notice", level="info", text=text, resumed_from=saved.step)
            if saved.step < trainer.args.max_steps:
                trainer.add_callback(ResumeCallback(saved, trained, rank))
                oom.train(saved.folder)

        # e. The best weights, where the guards kept some, else the last; without autocast.
        model = extract_model_from_parallel(trained.gathered(), keep_fp32_wrapper=False)
        if processes.is_main and best.restore(model):
            reporter.notice(
                f"the result is the model of step {best.step}: {_BEST[guards.decides_by]}"
            )
        if replayed := trainer.losses.replay_share:
            reporter.notice(f"replayed: {percent(replayed, 1)} of all learned tokens")
        return model, session.stopping
