"""The hyperparameters of a run."""

from __future__ import annotations

from typing import Literal

from workbench.recipe.base import Section, field

Optim = Literal[
    "adamw_torch",
    "adamw_8bit",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "lion_8bit",
    "adafactor",
    "sgd",
]
"""Names of transformers' ``OptimizerNames``; 8-bit and paged ones are bitsandbytes'."""
Scheduler = Literal["linear", "cosine", "constant", "constant_with_warmup", "inverse_sqrt"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
OnNonfinite = Literal["stop", "skip"]


class TrainingSection(Section):
    """How long, how fast and how carefully to train."""

    learning_rate: float = field(
        2e-4,
        title="Learning rate",
        help="Step size of the optimiser. It decides more about forgetting than the method does.",
        gt=0,
        le=1,
    )
    num_train_epochs: float = field(
        1.0, title="Epochs", help="Passes over the training rows.", unit="passes", gt=0, le=1000
    )
    max_steps: int | None = field(
        None,
        title="Steps",
        help="Optimiser steps; when set it wins over epochs.",
        unit="steps",
        ge=1,
        le=10_000_000,
    )
    micro_batch_size: int = field(
        8,
        title="Micro batch",
        help="Rows that go through the model at once; the main lever on memory.",
        unit="rows",
        ge=1,
        le=4096,
    )
    gradient_accumulation_steps: int = field(
        1,
        title="Accumulation",
        help="Micro batches whose gradients are added before one optimiser step.",
        unit="micro batches",
        ge=1,
        le=4096,
    )
    sequence_length: int = field(
        1024,
        title="Sequence length",
        help="Longer rows are cut to this many tokens.",
        unit="tokens",
        ge=8,
        le=1_048_576,
    )
    lr_scheduler_type: Scheduler = field(
        "cosine", title="Scheduler", help="How the learning rate changes after the warm-up."
    )
    warmup_steps: float = field(
        0.05,
        title="Warm-up",
        help="Steps in which the learning rate climbs; below 1 a share of all steps.",
        ge=0,
        le=1_000_000,
    )
    weight_decay: float = field(
        0.0, title="Weight decay", help="Pull of the weights towards zero per step.", ge=0, le=1
    )
    optim: Optim = field(
        "adamw_torch",
        title="Optimiser",
        help="8-bit and paged ones (bitsandbytes) save memory on a GPU.",
    )
    max_grad_norm: float = field(
        1.0,
        title="Gradient clipping",
        help="Longest gradient allowed; 0 turns it off.",
        ge=0,
        le=1e6,
    )
    precision: Precision = field(
        "auto",
        title="Precision",
        help="Number format of the matrix products; auto asks the device what it does fast.",
    )
    gradient_checkpointing: bool = field(
        False,
        title="Gradient checkpointing",
        help="Recompute activations in the backward pass: less memory, about a third more time.",
    )
    eval_steps: int = field(
        20,
        title="Evaluate every",
        help="Steps between two measurements of the held-out loss; 0 measures only at the end.",
        unit="steps",
        ge=0,
        le=1_000_000,
    )
    save_steps: int = field(
        0,
        title="Checkpoint every",
        help="Steps between two checkpoints to resume from; 0 leaves it to the clock.",
        unit="steps",
        ge=0,
        le=1_000_000,
    )
    save_minutes: float = field(
        15.0,
        title="Checkpoint after",
        help="Most minutes that a power cut may cost; 0 writes none by the clock.",
        unit="minutes",
        ge=0,
        le=10_000,
    )
    save_total_limit: int = field(
        2,
        title="Checkpoints kept",
        help="Older ones are removed, but for that of the best model so far.",
        advanced=True,
        ge=1,
        le=1000,
    )
    on_nonfinite: OnNonfinite = field(
        "stop",
        title="Loss not finite",
        help="stop: end the run; skip: leave the step out, say so and go on.",
        advanced=True,
    )
    seed: int = field(
        0, title="Seed", help="Two runs with equal recipes and seeds are equal.", ge=0, le=2**32 - 1
    )
