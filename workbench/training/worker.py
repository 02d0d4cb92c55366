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
from workbench.evaluation.base_identity import fingerprint_of
from workbench.evaluation.run.evaluator import Examination
from workbench.models.loaded_base import open_base
from workbench.planning.plan import total_steps
from workbench.planning.provenance import require_origin, save_origin
from workbench.runs.folder import MEASURING
from workbench.training.callbacks.monitor import Monitor
from workbench.training.callbacks.retention_watch import RetentionWatch
from workbench.training.checkpoint.best import BestWeights
from workbench.training.checkpoint.resume import Resumption, resumed
from workbench.training.checkpoint.rng_state import random_states, set_random_states
from workbench.training.checkpoint.write import Checkpointer
from workbench.training.distributed.fsdp import Weights
from workbench.training.distributed.process_group import ALONE
from workbench.training.oom.micro_batch_splitter import Cutting
from workbench.training.oom.oom_checkpoint import Rescue
from workbench.training.preparation import BaseScene
from workbench.training.protections import Guards
from workbench.training.reporting.disk_full import StopAsked
from workbench.training.reporting.error_summary import last_words
from workbench.training.reporting.memory_monitor import MemoryWatch
from workbench.training.reporting.reporter import Reporter
from workbench.training.result import save_result
from workbench.training.trainer import WorkbenchTrainer, training_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module

    from workbench.data.rendering import Rendered
    from workbench.evaluation.run.baseline_cache import BaseEvidence
    from workbench.models.loaded_base import Opened, Report
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder
    from workbench.training.checkpoint.write import Saved, Stateful
    from workbench.training.distributed.process_group import Team

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
    team: Team = ALONE,
    reporter: Reporter | None = None,
) -> int:
    """Do the run and return the exit code; every end, good or bad, is in status.json.

    Args:
        run: The run.
        resume: Go on from a checkpoint: the newest whole one.
        step: Or that of this step.
        team: The processes that do it together, of which this is one.
        reporter: Who tells the world of it.
    """
    reporter = reporter or Reporter(run)
    try:
        saved = resumed(run, reporter, step, team) if resume else None
        stopped = Work(run, run.recipe(), reporter, saved, team).do()
        reporter.state(
            "stopped" if stopped else "finished", "stopped on request" if stopped else ""
        )
    except StopAsked as order:
        reporter.end("stopped", str(order))
    except Exception as error:  # noqa: BLE001 - the last line of defence: the status must be true
        reason = last_words(error)
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
        team: Team = ALONE,
    ) -> None:
        """Take the run's recipe, and where to go on from; nothing is loaded yet."""
        self._run = run
        self._recipe = recipe
        self._reporter = reporter
        self._saved = saved
        self._team = team
        self._memory = MemoryWatch(run, reporter, team)

    def do(self) -> bool:
        """Load, measure, train, measure, save; true when the user stopped it early."""
        recipe, reporter, team = self._recipe, self._reporter, self._team
        set_seed(recipe.training.seed)
        reporter.phase("reading the data")
        if self._saved:
            require_origin(self._run)
        elif team.leads:
            reporter.patiently(partial(save_origin, self._run, recipe))
        with team.in_turn():
            split = load_split(recipe.data, recipe.training.seed)
            opened = open_base(recipe, split, self._phase("loading the base model"))
        rows = self._render(opened)
        examination = Examination(opened, warn=partial(reporter.notice, level="warning"))
        for note in examination.notes:
            reporter.notice(note, level="warning")
        tell = self._phase("measuring the base")
        fingerprint = team.agree(
            lambda: fingerprint_of(opened, self._run, reporter, resumed=bool(self._saved))
        )
        with team.in_turn():
            base = reporter.patiently(
                lambda: examination.base(fingerprint, self._run.base, tell), locations.cache()
            )
            guards = self._protect(opened, fingerprint, examination)
        team.require_same([*rows, *(guards.mix.rows if guards.mix else ())])
        watch = RetentionWatch(opened, examination, base, reporter)
        model, stopped = self._train(opened, rows, guards, watch)
        team.part()
        if not team.leads:
            return stopped
        reporter.phase("saving the result", stoppable=False)
        reporter.patiently(partial(save_result, recipe.strategy, model, self._run.model))
        model = model.to(opened.device)  # a gathered one is in host memory
        self._measure(model, base, examination)
        return stopped

    def _measure(self, model: Module, base: BaseEvidence, examination: Examination) -> None:
        """Measure the saved result; where that breaks the run has its result all the same."""
        try:
            after = examination.result(model, base, self._phase(MEASURING))
            report = examination.report(base, after)
            self._reporter.patiently(partial(report.save, self._run.report))
        except StopAsked:
            raise
        except Exception as error:  # noqa: BLE001 - hours of training are worth more than a report
            traceback.print_exc()
            self._reporter.notice(
                f"the result is saved but could not be measured: {last_words(error)}; "
                f"'ftwb evaluate {self._run.id}' tries again",
                level="warning",
            )

    def _phase(self, name: str) -> Report:
        """Enter a phase, and give what tells how far it is."""

        def tell(what: str = "", done: int = 0, total: int = 0) -> None:
            self._reporter.phase(name, what, done, total)
            self._memory.glance()

        tell()
        return tell

    def _render(self, opened: Opened) -> list[Rendered]:
        """The rows to learn, in tokens."""
        self._reporter.phase("rendering the data")
        rendered = opened.renderer.render_all(opened.split.train)
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

    def _protect(self, opened: Opened, fingerprint: Tensor, examination: Examination) -> Guards:
        """Let every protection that is on, and the strategy, study the untouched base."""
        scene = BaseScene(opened, fingerprint, self._reporter)
        protections = self._recipe.retention.active().values()
        guards = Guards([protection.ready(scene) for protection in protections])
        if "loss" in guards.judges and not examination.asked.heldout:
            raise BadInputError(
                "retention.early_stopping: no held-out row is left to evaluate on; set "
                "data.heldout, or give more rows"
            )
        self._recipe.strategy.study(scene)
        return guards

    def _train(
        self, opened: Opened, rows: Sequence[Rendered], guards: Guards, watch: RetentionWatch
    ) -> tuple[Module, bool]:
        recipe = self._recipe
        self._reporter.phase("preparing")
        if self._saved:
            set_random_states(self._saved.start)
        start = random_states()
        model = recipe.strategy.prepare(opened.base)
        guards.attach(model)
        guards.divide(self._team.rank, self._team.size)
        if self._saved:
            self._saved.restore_weights(model)
        weights = Weights(model, self._team, shard=recipe.devices.sharding == "full")
        if self._team.size > 1:
            held = "hold a part of the model each" if weights.sharded else "hold the model each"
            self._reporter.notice(f"{self._team.size} devices train together and {held}")
        trainer = self._trainer(opened, model, rows, guards)
        parts: dict[str, Stateful] = {
            "guards": guards,
            "losses": trainer.losses,
            "cutting": trainer.cutting,
        }
        best = BestWeights(self._run.checkpoints)
        checkpointer = Checkpointer(self._run, recipe, best, parts, start, self._team)
        monitor = parts["monitor"] = Monitor(
            checkpointer, self._reporter, guards, watch, weights, self._memory
        )
        trainer.add_callback(monitor)
        self._steps(trainer, weights, checkpointer, monitor)
        model = weights.whole()
        if self._team.leads and best.restore(model):
            which = _BEST[guards.judges]
            self._reporter.notice(f"the result is the model of step {monitor.best_step}: {which}")
        if share := trainer.losses.replay_share:
            self._reporter.notice(f"replayed: {percent(share, 1)} of all learned tokens")
        return model, monitor.stop_asked

    def _trainer(
        self, opened: Opened, model: Module, rows: Sequence[Rendered], guards: Guards
    ) -> WorkbenchTrainer:
        training = self._recipe.training
        arguments = training_arguments(
            training,
            steps=total_steps(training, len(rows), self._team.size),
            folder=self._run.checkpoints,
            precision=opened.precision,
            on_cpu=opened.device.type == "cpu",
        )
        groups = self._recipe.strategy.parameter_groups(
            model, training.learning_rate, training.weight_decay
        )
        padding = opened.tokenizer.pad_token_id
        cutting = partial(Cutting, self._recipe, self._reporter)
        return WorkbenchTrainer(
            model, arguments, rows, padding, guards, cutting, groups, self._team
        )

    def _steps(
        self,
        trainer: WorkbenchTrainer,
        weights: Weights,
        checkpointer: Checkpointer,
        monitor: Monitor,
    ) -> None:
        """Take the steps, or those that are left."""
        saved, rank = self._saved, self._team.rank
        rescue = Rescue(trainer, monitor, self._run)
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
            trainer.add_callback(Resumption(saved, weights, rank))
            rescue.train(saved.folder)
