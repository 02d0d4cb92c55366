"""What is measured before, during and after training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.recipe.base import OptionalSource, Section, Source, field
from workbench.recipe.limits import Limits

SuiteSize = Literal["none", "auto", "quick", "standard", "full"]
TargetMetric = Literal["contains", "exact", "rouge_l", "nll"]


class EvaluationSection(Section):
    """What base and result are asked, and how often training is interrupted to measure."""

    size: SuiteSize = field(
        "auto",
        title="Probe suites",
        help="How many probe items base and result answer; more items give narrower intervals.",
        choices={
            "none": "no probe suites",
            "auto": "about 100 items, then more of what is still undecided",
            "quick": "about 100 items: a margin of 10 points",
            "standard": "about 830 items: a margin of 5 points",
            "full": "about 1,940 items: a margin of 3 points",
        },
    )
    suites: tuple[Source, ...] = field(
        (),
        title="Suites",
        help="Names of suites or paths of .yaml files; if empty, all that 'ftwb probes' lists, the "
        "shipped ones and your own.",
        advanced=True,
    )
    general_text: OptionalSource = field(
        "preset:general_heldout",
        title="General text",
        help="Text that is never trained on, to measure KL and loss against the base; if empty, "
        "neither is measured.",
    )
    text_rows: int = field(
        64,
        title="Text rows",
        help="Rows of general text, and of held-out rows, to measure KL and loss on.",
        unit="rows",
        advanced=True,
        ge=1,
        le=100_000,
    )
    text_max_length: int = field(
        128,
        title="Text length",
        help="Longer rows of general text are cut to this many tokens.",
        unit="tokens",
        advanced=True,
        ge=8,
        le=1_048_576,
    )
    retention_steps: int = field(
        25,
        title="Measure KL every",
        help="Steps between two measurements of KL and loss against the base; 0 measures neither "
        "while training.",
        unit="steps",
        ge=0,
        le=1_000_000,
    )
    retention_rows: int = field(
        12,
        title="KL rows",
        help="Rows of general text in each of these measurements; more rows cost more time. They "
        "are not among those that the report is about.",
        unit="rows",
        advanced=True,
        ge=1,
        le=100_000,
    )
    canary_steps: int = field(
        100,
        title="Canaries every",
        help="Steps between two rounds of the general prompts; 0 asks none while training.",
        unit="steps",
        ge=0,
        le=1_000_000,
    )
    loss_rows: int = field(
        200,
        title="Loss rows",
        help="Held-out rows to compute the evaluation loss on: the first ones, always the same.",
        unit="rows",
        advanced=True,
        ge=1,
        le=1_000_000,
    )
    target_metric: TargetMetric = field(
        "contains",
        title="Target metric",
        help="How answers to held-out rows are scored.",
        choices={
            "contains": "the label occurs in the answer, in any case",
            "exact": "the answer is the label, in any case",
            "rouge_l": "F1 of the longest common subsequence of words",
            "nll": "no answers are generated; only the loss is measured",
        },
    )
    target_field: str | None = field(
        None,
        title="Label field",
        help="Field of the held-out rows with the right answer, such as 'intent'; if empty, exact "
        "and rouge_l compare with the row's own answer, and contains scores nothing.",
    )
    target_rows: int = field(
        200,
        title="Target rows",
        help="Held-out rows to answer for the target score: a random sample, always the same.",
        unit="rows",
        advanced=True,
        ge=1,
        le=1_000_000,
    )
    target_max_new_tokens: int = field(
        12,
        title="Target answer length",
        help="Most tokens to generate for a held-out row; raise it where whole answers count.",
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
        help="Asked before, during and after training, to compare the answers side by side.",
    )
    prompts_max_new_tokens: int = field(
        48,
        title="Prompt answer length",
        help="Most tokens to generate for a general prompt.",
        unit="tokens",
        advanced=True,
        ge=1,
        le=4096,
    )
    limits: Limits = Field(
        default_factory=Limits,
        title="Limits",
        description="How much may be lost before a run fails; 'ftwb gate' can override each.",
    )
