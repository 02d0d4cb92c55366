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
"""Names as in transformers' ``OptimizerNames``; 8-bit and paged ones are bitsandbytes'."""
Scheduler = Literal["linear", "cosine", "constant", "constant_with_warmup", "inverse_sqrt"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
OnNonfinite = Literal["stop", "skip"]


class TrainingSection(Section):
    """How long and how fast to train, and when to measure and to save.

    Fields are named as in transformers' ``TrainingArguments`` wherever they mean the same.
    """

    learning_rate: float = field(
        2e-4,
        title="Learning rate",
        help="Step size of the optimiser; it affects forgetting more than the choice of method.",
        gt=0,
        le=1,
    )
    num_train_epochs: float = field(
        1.0,
        title="Epochs",
        help="Passes over the training rows; more than a few usually cost old knowledge.",
        unit="passes",
        gt=0,
        le=1000,
    )
    max_steps: int | None = field(
        None,
        title="Steps",
        empty="by epochs",
        help="Optimiser steps; if set, it overrides the number of epochs.",
        unit="steps",
        ge=1,
        le=10_000_000,
    )
    micro_batch_size: int = field(
        8,
        title="Micro batch",
        help="Rows that go through the model at once; the first field to lower if memory runs out.",
        unit="rows",
        ge=1,
        le=4096,
    )
    gradient_accumulation_steps: int = field(
        1,
        title="Accumulation",
        help="Micro batches whose gradients are added up for one optimiser step; raise it where "
        "the micro batch had to be lowered.",
        unit="micro batches",
        ge=1,
        le=4096,
    )
    sequence_length: int = field(
        1024,
        title="Sequence length",
        help="Longer rows are cut to this many tokens; memory grows with it.",
        unit="tokens",
        ge=8,
        le=1_048_576,
    )
    lr_scheduler_type: Scheduler = field(
        "cosine",
        title="Scheduler",
        help="How the learning rate changes after the warm-up.",
        choices={
            "linear": "falls in a straight line to 0",
            "cosine": "falls along half a cosine to 0",
            "constant": "stays, and there is no warm-up",
            "constant_with_warmup": "stays",
            "inverse_sqrt": "falls with the square root of the step, never to 0",
        },
    )
    warmup_steps: float = field(
        0.05,
        title="Warm-up",
        help="Steps over which the learning rate rises to its full value; below 1, a share of all "
        "steps.",
        ge=0,
        le=1_000_000,
    )
    weight_decay: float = field(
        0.0,
        title="Weight decay",
        help="How strongly each step pulls trained weights towards zero, relative to the learning "
        "rate.",
        ge=0,
        le=1,
    )
    optim: Optim = field(
        "adamw_torch",
        title="Optimiser",
        help="Rule that turns gradients into steps; the memory it keeps per trained parameter "
        "differs most.",
        choices={
            "adamw_torch": "the usual choice; 8 bytes per trained parameter",
            "adamw_8bit": "8-bit state (bitsandbytes): 2 bytes; for GPUs",
            "paged_adamw_32bit": "AdamW; moves to host memory if the GPU is full",
            "paged_adamw_8bit": "8-bit state and moves to host memory",
            "lion_8bit": "1 byte; needs a 3 to 10 times lower rate",
            "adafactor": "state per row and column, almost no memory",
            "sgd": "no state at all; learns slowly",
        },
    )
    max_grad_norm: float = field(
        1.0,
        title="Gradient clipping",
        help="Gradients with a larger norm are scaled down to it; 0 turns clipping off.",
        ge=0,
        le=1e6,
    )
    precision: Precision = field(
        "auto",
        title="Precision",
        help="Number format of the matrix products, decided at the first start and kept with the "
        "run.",
        choices={
            "auto": "bf16 where the processor has instructions for it, else fp32",
            "fp32": "the most exact, the slowest on GPUs",
            "bf16": "half the memory for activations",
            "fp16": "for GPUs without bf16; scales the loss",
        },
    )
    gradient_checkpointing: bool = field(
        False,
        title="Gradient checkpointing",
        help="Recompute activations in the backward pass: much less memory, a third more time.",
    )
    eval_steps: int = field(
        20,
        title="Evaluate every",
        help="Steps between two measurements of the held-out loss; 0 measures it at the end only.",
        unit="steps",
        ge=0,
        le=1_000_000,
    )
    save_steps: int = field(
        0,
        title="Checkpoint every",
        help="Steps between two checkpoints to resume from; 0 writes them by time only.",
        unit="steps",
        ge=0,
        le=1_000_000,
    )
    save_minutes: float = field(
        15.0,
        title="Checkpoint after",
        help="Most minutes of training that a crash may cost; 0 writes checkpoints by steps only.",
        unit="minutes",
        ge=0,
        le=10_000,
    )
    save_total_limit: int = field(
        2,
        title="Checkpoints kept",
        help="Older checkpoints are removed, except that of the best model so far.",
        advanced=True,
        ge=1,
        le=1000,
    )
    on_nonfinite: OnNonfinite = field(
        "stop",
        title="Non-finite loss",
        help="What to do at a step whose loss or gradient is infinite or not a number.",
        choices={
            "stop": "end the run",
            "skip": "skip the step with a notice; 20 in a row end the run",
        },
        advanced=True,
    )
    seed: int = field(
        0,
        title="Seed",
        help="Seed of all randomness; runs with the same recipe and seed are the same.",
        ge=0,
        le=2**32 - 1,
    )
