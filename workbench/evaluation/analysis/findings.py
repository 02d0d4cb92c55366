"""What the evidence of a report amounts to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from workbench.evaluation.suites.items import Measures

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]


class _Finding(BaseModel):
    model_config = ConfigDict(frozen=True)


class Interval(_Finding):
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class Capability(_Finding):
    """One suite, before and after.

    Attributes:
        name: The suite.
        title: For people.
        kind: What a fall means.
        n: Items in both measurements.
        before: Mean score, 0 to 1.
        after: Mean score, 0 to 1.
        change: ``after - before``.
        low: Lower end of the change's 95 % interval.
        high: Upper end.
        standard_error: Of the change.
        lost: Items that went from right to wrong.
        gained: Items that went from wrong to right.
        p: Exact McNemar, Holm-corrected over the judged capabilities.
        smallest_detectable: Change that this many items could show.
        verdict: None for information, and where the base has nothing to lose.
        needed: Items that would decide an inconclusive verdict; 0 elsewhere.
        margin: Loss, 0 to 1, that is still called kept with this many items.
        chance: Score of a model that knows nothing, 0 to 1.
        known_before: ``before`` without what chance gives: 0 knows nothing, 1 everything.
        known_after: The same of ``after``.
        headroom: Whether the base knows enough to lose some of it.
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


class TargetTask(_Finding):
    """What was learned; scores 0 to 1, likelihoods in nats per token.

    Attributes:
        name: For people.
        n: Held-out rows that were answered.
        of: How many held-out rows there are.
        before: Share of them that the base answers right.
        after: Share that the result answers right.
        nll_before: Loss of the base on held-out rows.
        nll_after: Loss of the result.
        change: ``after - before`` with its interval.
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
    """One item with both answers, the worst first."""

    suite: str
    id: str
    prompt: str
    before: float
    after: float
    answer_before: str
    answer_after: str


class BenchmarkScore(_Finding):
    """One metric of a standard benchmark, on the base and on the result.

    Attributes:
        task: As lm-evaluation-harness calls it.
        metric: Such as ``acc``, with the filter of the answers where there is one.
        version: Of the task.
        few_shot: Examples before each question.
        n: Documents that were asked.
        of: Documents that the task has.
        higher_is_better: None where the task does not say.
        before: Score of the base.
        after: Score of the result.
        before_error: Standard error; None where the harness gives none.
        after_error: Standard error; None where the harness gives none.
        change: ``after - before``; None where nothing is known of how sure it is.
        lost: Documents whose score fell; None where the harness scores no single documents.
        gained: Documents whose score rose; None as well.
        p: Exact McNemar of the two; None as well.
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
    """Everything the report page shows and ``ftwb report --json`` prints.

    Attributes:
        verdict: The worst of the judged capabilities; INCONCLUSIVE where nothing was measured.
        sentence: The verdict in a sentence, and what was learned in another.
        margin: Loss, 0 to 1, that is still called kept by suites that have the items to tell.
        retention_index: Share of what the base knew that is kept, over the capabilities with
            headroom; None where none has.
        kl_general: KL to base on general text, nats per token.
        kl_task: The same on the target task's text.
        delta_nll: Change of the loss on general text, nats per token.
        domain_leak: Rise of the share of general answers with the task's boilerplate, 0 to 1.
        target_task: What was learned.
        capabilities: In the order of the suites.
        items: Items that changed, losses first.
        noise_floor: KL of the base to itself in batches of another size.
        notes: What a reader must know, in sentences.
        benchmarks: Standard benchmarks, where any were asked: shown, never judged.
    """

    verdict: Verdict
    sentence: str
    margin: float
    retention_index: Interval | None
    kl_general: Interval | None
    kl_task: Interval | None
    delta_nll: Interval | None
    domain_leak: Interval | None
    target_task: TargetTask
    capabilities: tuple[Capability, ...]
    items: tuple[ItemFinding, ...]
    noise_floor: float | None
    notes: tuple[str, ...] = ()
    benchmarks: tuple[BenchmarkScore, ...] = ()
