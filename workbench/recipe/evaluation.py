"""What is measured before, during and after training."""

from __future__ import annotations

from typing import Literal

from workbench.recipe.base import Section, field

SuiteSize = Literal["none", "quick", "standard", "full"]
TargetMetric = Literal["contains", "exact", "rouge_l", "nll"]


class EvaluationSection(Section):
    """What the base and the result are asked, and how closely training is watched."""

    size: SuiteSize = field(
        "quick",
        title="Probe suites",
        help="How many probe items base and result are asked: about 100, 500 or 1,000; or none.",
    )
    suites: tuple[str, ...] = field(
        (),
        title="Suites",
        help="Names of suites or paths of .yaml files; empty asks all that 'ftwb probes' lists: "
        "the shipped ones and your own.",
        advanced=True,
    )
    general_text: str | None = field(
        "preset:general_heldout",
        title="General text",
        help="Text never trained on, for KL and loss against the base; empty measures neither.",
    )
    text_rows: int = field(
        64,
        title="Text rows",
        help="Rows of general text, and of held-out rows, that KL and loss are taken on.",
        unit="rows",
        advanced=True,
        ge=1,
        le=100_000,
    )
    text_tokens: int = field(
        128,
        title="Text length",
        help="Longer rows of general text are cut to this many tokens.",
        unit="tokens",
        advanced=True,
        ge=8,
        le=1_048_576,
    )
    retention_interval: int = field(
        25,
        title="Watch KL every",
        help="Steps between two measurements of KL and loss against the base; 0 never watches.",
        unit="steps",
        ge=0,
        le=1_000_000,
    )
    retention_rows: int = field(
        6,
        title="Watched rows",
        help="Rows of general text that are read at each of these measurements.",
        unit="rows",
        advanced=True,
        ge=1,
        le=100_000,
    )
    canary_interval: int = field(
        100,
        title="Canaries every",
        help="Steps between two rounds of the general prompts while training; 0 never asks.",
        unit="steps",
        ge=0,
        le=1_000_000,
    )
    loss_rows: int = field(
        200,
        title="Loss rows",
        help="Held-out rows the evaluation loss is taken on: the first ones, always the same.",
        unit="rows",
        advanced=True,
        ge=1,
        le=1_000_000,
    )
    target_metric: TargetMetric = field(
        "contains",
        title="Target metric",
        help="How answers to held-out rows are scored: contains or exact (the label, whatever the "
        "case), rouge_l (longest common subsequence of words), nll (the loss only).",
    )
    target_field: str | None = field(
        None,
        title="Label field",
        help="Field of the held-out rows that holds the right answer, such as 'intent'; without "
        "it exact and rouge_l compare with the row's own answer.",
    )
    target_rows: int = field(
        200,
        title="Target rows",
        help="Held-out rows that are answered for the target score, drawn from all of them, always "
        "the same.",
        unit="rows",
        advanced=True,
        ge=1,
        le=1_000_000,
    )
    target_tokens: int = field(
        12,
        title="Label tokens",
        help="Tokens generated for each held-out row; raise it where whole answers are compared.",
        unit="tokens",
        advanced=True,
        ge=1,
        le=4096,
    )
    prompts: tuple[str, ...] = field(
        (
            "What is photosynthesis?",
            "What is the capital of France?",
            "Write one sentence about the sea.",
        ),
        title="General prompts",
        help="Asked before, while and after training; the answers stand side by side.",
    )
    answer_tokens: int = field(
        48,
        title="Answer length",
        help="Tokens generated for each general prompt.",
        unit="tokens",
        advanced=True,
        ge=1,
        le=4096,
    )
