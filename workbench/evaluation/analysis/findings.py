"""Findings: what the numbers of a report amount to."""

from __future__ import annotations

import shlex
from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

from workbench.evaluation.suites.items import Measures, Size

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]

Headline = Literal[
    "HIJACKED", "DAMAGED", "FORGOT", "CHANGED REFUSALS", "LOST", "KEPT", "INCONCLUSIVE"
]
"""The verdict in a word: what a person would say of the model."""

Unit = Literal["points", "nats", "nats/token"]


class _Finding(BaseModel):
    model_config = ConfigDict(frozen=True)


class Interval(_Finding):
    """A value with its interval, 95 % unless the report says otherwise."""

    value: float
    low: float
    high: float


class Criterion(_Finding):
    """One thing that a verdict rests on, compared with its limit.

    Attributes:
        name: ``domain_leak``, ``kl_opening``, ``kl_body``, ``delta_nll``, ``pooled``, or ``suite:``
            and the name of a capability.
        title: Name to display.
        interval: What was measured: a rise, or for capabilities and ``pooled`` a change; None if it
            was not measured.
        limit: What is tolerated; negative where a drop is the loss.
        unit: Unit of both; points are shares from 0 to 1.
        verdict: FAIL if the interval is beyond the limit, PASS if it is within; None if it was not
            measured. For a drop, see ``statistics.non_inferiority``.
        needed: Items, answers or rows of text that would decide an inconclusive verdict; 0 for
            other verdicts, and if so near the limit that no number will.
        counted: What ``needed`` counts.
        note: Why it was not measured or judged; empty if it was.
    """

    name: str
    title: str
    interval: Interval | None
    limit: float
    unit: Unit
    verdict: Verdict | None
    needed: int = 0
    counted: Literal["items", "answers", "rows of text"] = "items"
    note: str = ""


class NextStep(_Finding):
    """What to do about a verdict, and the command that does it.

    Attributes:
        text: What to do, in a few words.
        arguments: Those of ``ftwb``, the command first.
    """

    text: str
    arguments: tuple[str, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def command(self) -> str:
        """The command as it is typed in a shell."""
        return shlex.join(("ftwb", *self.arguments))


class Capability(_Finding):
    """One suite, before and after training.

    Attributes:
        name: Name of the suite.
        title: Name to display.
        kind: What a drop of the score means.
        n: Items in both measurements.
        before: Mean score of the base, 0 to 1.
        after: Mean score of the tuned model, 0 to 1.
        change: ``after - before``.
        low: Lower end of the change's interval.
        high: Upper end.
        lost: Items that went from right to wrong.
        gained: Items that went from wrong to right.
        p: McNemar test, Holm-adjusted over the judged capabilities and all their items together.
        smallest_detectable: Change that this many items detect with 80 % power.
        verdict: None for information, and where the base has nothing to lose.
        needed: Items that would decide an inconclusive verdict; 0 for other verdicts, and if so
            near the margin that no number will.
        standard_error: Standard error of the change.
        margin: Tolerated loss for this many items, 0 to 1.
        chance: Expected score of random guessing, 0 to 1.
        known_before: Chance-corrected ``before``: 0 knows nothing, 1 everything.
        known_after: Chance-corrected ``after``.
        headroom: Whether the base knows enough to lose some of it.
        ceiling: Whether the base leaves nothing to gain, so that only losses can be seen.
        design_effect: How much wider clusters of items make the interval, in variance.
        probability: Change of the mean probability of the right option, for suites of options;
            shown, never judged.
    """

    name: str
    title: str
    kind: Measures
    n: int
    before: float
    after: float
    change: float
    low: float
    high: float
    lost: int
    gained: int
    p: float
    smallest_detectable: float
    verdict: Verdict | None
    needed: int = 0
    standard_error: float = 0.0
    margin: float = 0.1
    chance: float = 0.0
    known_before: float = 0.0
    known_after: float = 0.0
    headroom: bool = True
    ceiling: bool = False
    design_effect: float = 1.0
    probability: Interval | None = None


class TargetTask(_Finding):
    """What was learned; scores from 0 to 1, losses in nats per token.

    Attributes:
        name: Name to display.
        n: Held-out rows that were answered.
        before: Mean score of the base.
        after: Mean score of the tuned model.
        nll_before: Loss of the base on held-out rows.
        nll_after: Loss of the tuned model.
        change: ``after - before`` with its interval.
        of: Number of held-out rows.
    """

    name: str
    n: int
    before: float | None
    after: float | None
    nll_before: float | None
    nll_after: float | None
    change: Interval | None = None
    of: int = 0


class ItemFinding(_Finding):
    """An item whose score changed, with both answers."""

    suite: str
    id: str
    prompt: str
    before: float
    after: float
    answer_before: str
    answer_after: str


class BenchmarkScore(_Finding):
    """One metric of a standard benchmark, on base and tuned model.

    Attributes:
        task: Name in lm-evaluation-harness.
        metric: Such as ``acc``, with the filter of the answers if there is one.
        version: Version of the task.
        few_shot: Examples before each question.
        n: Documents that were asked.
        of: Documents of the task.
        higher_is_better: None if the task does not say.
        before: Score of the base.
        after: Score of the tuned model.
        before_error: Standard error; None if the harness gives none.
        after_error: Standard error; None if the harness gives none.
        change: ``after - before`` with its interval; None without standard errors.
        lost: Documents whose score fell; None if single documents are not scored.
        gained: Documents whose score rose; None likewise.
        p: Exact McNemar test of the two; None likewise.
    """

    task: str
    metric: str
    version: str
    few_shot: int
    n: int
    of: int
    higher_is_better: bool | None
    before: float
    after: float
    before_error: float | None
    after_error: float | None
    change: Interval | None
    lost: int | None = None
    gained: int | None = None
    p: float | None = None


class Findings(_Finding):
    """Everything that the report page shows and ``ftwb report --json`` prints.

    Attributes:
        verdict: FAIL if any criterion is proven to be beyond its limit; PASS if all that were
            measured are shown to be within, capabilities among them; else INCONCLUSIVE.
        outcome: The verdict in a word.
        proof: The evidence for it in one clause, with numbers and limits.
        criteria: Everything the verdict rests on, gravest first.
        next_steps: What to do now, with commands.
        sentence: The verdict in words: what was forgotten, and what was learned.
        margin: Tolerated loss, 0 to 1, for suites with enough items.
        retention_index: Share of the base's knowledge that is retained, over the capabilities with
            headroom; None if there are none.
        kl_general: KL to base on general text, nats per token.
        kl_opening: KL to base at the first token of general answers, nats; None without answers.
        kl_body: KL to base over the other tokens of general text, nats per token.
        kl_task: KL to base on the target task's text, nats per token.
        delta_nll: Change of the loss on general text, nats per token.
        domain_leak: Rise of the share of general answers with the task's boilerplate, 0 to 1.
        target_task: What was learned.
        capabilities: In the order of the suites.
        items: Items that changed, losses first.
        noise_floor: KL of the base to itself in batches of another size, nats per token.
        level: Confidence of the intervals: above 0.95 where the data are looked at repeatedly.
        size: Suite size that was asked; empty if none was.
        notes: What a reader must know, in sentences.
        benchmarks: Standard benchmarks, if any were run; shown but never judged.
    """

    verdict: Verdict
    sentence: str
    margin: float
    outcome: Headline = "INCONCLUSIVE"
    proof: str = ""
    criteria: tuple[Criterion, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    retention_index: Interval | None
    kl_general: Interval | None
    kl_opening: Interval | None = None
    kl_body: Interval | None = None
    kl_task: Interval | None
    delta_nll: Interval | None
    domain_leak: Interval | None
    target_task: TargetTask
    capabilities: tuple[Capability, ...]
    items: tuple[ItemFinding, ...]
    noise_floor: float | None
    level: float = 0.95
    size: Size | Literal["", "auto"] = ""
    notes: tuple[str, ...] = ()
    benchmarks: tuple[BenchmarkScore, ...] = ()
