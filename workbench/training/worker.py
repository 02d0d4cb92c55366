"""The worker: takes one run from its recipe to its result, and says how it went."""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from transformers import set_seed

from workbench.data.batching import Collator
from workbench.data.rendering import Renderer
from workbench.data.splitting import load_split
from workbench.errors import BadInputError, FtwbError, MachineError
from workbench.models import loading
from workbench.probes.fingerprint import save_fingerprint, take_fingerprint
from workbench.probes.report import Report
from workbench.training.guards import Guards
from workbench.training.measuring import measure, questions
from workbench.training.monitor import Monitor
from workbench.training.plan import total_steps
from workbench.training.reporter import Reporter, StopAsked
from workbench.training.result import save_result
from workbench.training.scene import BaseScene
from workbench.training.trainer import WorkbenchTrainer, training_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.data.formats import Example
    from workbench.data.rendering import Rendered
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder


def work(run: RunFolder) -> int:
    """Do the run and return the exit code; every end, good or bad, is in status.json."""
    reporter = Reporter(run)
    try:
        stopped = Work(run, run.recipe(), reporter).do()
    except StopAsked as order:
        reporter.state("stopped", str(order))
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence: the status must be true
        traceback.print_exc()
        reason = last_words(error)
        with suppress(MachineError):
            reporter.state("failed", reason)
        with suppress(OSError):
            reporter.event("error", text=reason)
        return 1
    reporter.state("stopped" if stopped else "finished", "stopped on request" if stopped else "")
    return 0


def last_words(error: Exception) -> str:
    """One line that tells a user why the run ended."""
    if isinstance(error, FtwbError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError):
        return (
            "out of GPU memory: lower training.micro_batch_size (and raise "
            "gradient_accumulation_steps), or set training.gradient_checkpointing"
        )
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


@dataclass(frozen=True)
class Rows:
    """The dataset, rendered: what is trained on, and batches of what is not."""

    train: Sequence[Rendered]
    heldout: Sequence[dict[str, Tensor]]


class Work:
    """One run, step by step in the order a reader expects."""

    def __init__(self, run: RunFolder, recipe: Recipe, reporter: Reporter) -> None:
        """Take the run's recipe; nothing is loaded yet."""
        self._run = run
        self._recipe = recipe
        self._reporter = reporter
        self._device = loading.choose_device()

    def do(self) -> bool:
        """Load, measure, train, measure, save; true when the user stopped it early."""
        recipe, reporter = self._recipe, self._reporter
        set_seed(recipe.training.seed)
        reporter.phase("reading the data")
        split = load_split(recipe.data, recipe.training.seed)
        base, tokenizer = self._load_base()
        renderer = Renderer(tokenizer, recipe.data.assistant_only, recipe.training.sequence_length)
        rows = self._render(renderer, split.train, split.heldout, tokenizer)
        asked = questions(recipe.evaluation, renderer, split.heldout, rows.heldout)
        reporter.phase("measuring the base")
        fingerprint = take_fingerprint(base, tokenizer)
        save_fingerprint(fingerprint, self._run.base)
        before = measure(base, tokenizer, asked, recipe.evaluation, reporter)
        scene = BaseScene(recipe, base, tokenizer, renderer, fingerprint, reporter)
        guards = self._protect(scene, rows)
        recipe.strategy.study(scene)
        model, stopped = self._train(base, rows, tokenizer, guards)
        reporter.phase("saving the result", stoppable=False)
        save_result(recipe.strategy, model, self._run.model)
        reporter.phase("measuring the result")
        after = measure(model, tokenizer, asked, recipe.evaluation, reporter)
        Report(prompts=recipe.evaluation.prompts, before=before, after=after).save(self._run.report)
        return stopped

    def _load_base(self) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        section = self._recipe.model
        self._reporter.phase("loading the base model")
        folder = loading.locate(
            section,
            lambda what, done, total: self._reporter.phase(
                "loading the base model", what, done, total
            ),
        )
        full = self._recipe.strategy.trains_base_weights and section.dtype == "auto"
        dtype = loading.choose_dtype("float32" if full else section.dtype, self._device)
        base = loading.load_base(
            section,
            folder,
            device=self._device,
            dtype=dtype,
            quantization=self._recipe.strategy.quantization(),
        )
        return base, loading.load_tokenizer(section, folder)

    def _render(
        self,
        renderer: Renderer,
        train: Sequence[Example],
        heldout: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
    ) -> Rows:
        self._reporter.phase("rendering the data")
        rendered = renderer.render_all(train)
        usable = [row for row in rendered if row.learns]
        if not usable:
            raise BadInputError(
                "no row has a token to learn from: every answer is cut off at "
                f"{self._recipe.training.sequence_length} tokens"
            )
        if len(usable) < len(rendered):
            self._reporter.notice(
                f"{len(rendered) - len(usable)} rows left out: their answers lie past "
                f"{self._recipe.training.sequence_length} tokens",
                level="warning",
            )
        held = renderer.render_all(heldout[: self._recipe.evaluation.loss_rows])
        return Rows(usable, self._batches([row for row in held if row.learns], tokenizer))

    def _batches(
        self, rows: Sequence[Rendered], tokenizer: PreTrainedTokenizerBase
    ) -> list[dict[str, Tensor]]:
        ordered = sorted(rows, key=lambda row: len(row.input_ids))
        size = self._recipe.training.micro_batch_size
        collate = Collator(tokenizer.pad_token_id)
        batches = [collate(ordered[start : start + size]) for start in range(0, len(ordered), size)]
        return [
            {name: tensor.to(self._device) for name, tensor in batch.items()} for batch in batches
        ]

    def _protect(self, scene: BaseScene, rows: Rows) -> Guards:
        """Let every protection that is on measure the untouched base."""
        guards = Guards(
            [protection.ready(scene) for protection in self._recipe.retention.active().values()]
        )
        if guards.judge and not rows.heldout:
            raise BadInputError(
                "retention.early_stopping: no held-out row is left to evaluate on; set "
                "data.heldout, or give more rows"
            )
        return guards

    def _train(
        self,
        base: PreTrainedModel,
        rows: Rows,
        tokenizer: PreTrainedTokenizerBase,
        guards: Guards,
    ) -> tuple[Module, bool]:
        recipe = self._recipe
        self._reporter.phase("preparing")
        model = recipe.strategy.prepare(base)
        guards.attach(model)
        monitor = Monitor(self._run, recipe, self._reporter, rows.heldout, guards)
        arguments = training_arguments(
            recipe.training,
            steps=total_steps(recipe.training, len(rows.train)),
            folder=self._run.checkpoints,
            precision=self._precision(),
            on_cpu=self._device.type == "cpu",
        )
        groups = recipe.strategy.parameter_groups(
            model, recipe.training.learning_rate, recipe.training.weight_decay
        )
        trainer = WorkbenchTrainer(
            model, arguments, rows.train, tokenizer.pad_token_id, guards, [monitor], groups
        )
        trainer.train()
        if monitor.best.restore(model):
            self._reporter.notice("the result is the model with the lowest held-out loss")
        if share := trainer.losses.replay_share:
            self._reporter.notice(f"replayed: {share:.1%} of all learned tokens")
        return model, monitor.stop_asked

    def _precision(self) -> torch.dtype:
        name = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}.get(
            self._recipe.training.precision, "auto"
        )
        return loading.choose_dtype(name, self._device)
