"""Looking at the data repeatedly: the looks of ``evaluation.size: auto``, and when to stop.

Items are asked in batches. After each batch every criterion is judged, and only the suites that
are still undecided are asked further. Looking K times at the usual level would be wrong up to K
times as often. The error rate ``alpha`` is therefore spent over the looks in proportion to the
share of the items asked (Lan and DeMets 1983, Biometrika 70, 659; the linear spending function of
Kim and DeMets 1987), and each look gets its part by Bonferroni's inequality. That holds whatever
the dependence of the looks, also where suites stop at different looks; the boundaries of a Brownian
motion would be slightly narrower, and would not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.evaluation.analysis.findings import Capability, Findings

LOOKS: tuple[float, ...] = (1 / 16, 1 / 4, 1 / 2, 1.0)
"""Share of each suite's items that has been asked at each look."""

ALPHA = 0.05
"""Error rate of all looks together, two-sided."""

_HEADROOM_ITEMS = 50
"""Items after which a suite in which the base knows too little to lose any is given up."""


def level(look: int, looks: int) -> float:
    """Confidence of the intervals at a look: ``1 - alpha (t_k - t_(k-1))``.

    Args:
        look: Which look, from 1; 0 for a fixed number of items.
        looks: How many looks there are at most; ``t_k`` is that of :data:`LOOKS` if there are as
            many, else ``k / looks``. 0 for a fixed number of items: 0.95.
    """
    if not looks:
        return 1 - ALPHA
    shares = LOOKS if looks == len(LOOKS) else tuple(k / looks for k in range(1, looks + 1))
    place = min(max(look, 1), looks)
    before = shares[place - 2] if place > 1 else 0.0
    return 1 - ALPHA * (shares[place - 1] - before)


def undecided(findings: Findings) -> frozenset[str]:
    """Names of the suites that should be asked further; empty when all is decided.

    A proven failure decides everything. Otherwise a suite is asked further while its own criterion
    is open, or one to which its items contribute: the loss over all items, or the domain leak.
    """
    if findings.verdict == "FAIL":
        return frozenset()
    open_criteria = {each.name for each in findings.criteria if each.verdict == "INCONCLUSIVE"}
    return frozenset(
        capability.name
        for capability in findings.capabilities
        if capability.verdict == "INCONCLUSIVE"
        or _may_have_headroom(capability)
        or _contributes(capability, open_criteria)
    )


def _contributes(capability: Capability, open_criteria: set[str]) -> bool:
    """Whether more of its items would help to decide a criterion of several suites."""
    pooled = capability.verdict is not None and capability.kind in ("knowledge", "behaviour")
    in_words = capability.kind in ("behaviour", "safety")
    return (pooled and "pooled" in open_criteria) or (in_words and "domain_leak" in open_criteria)


def _may_have_headroom(capability: Capability) -> bool:
    """Whether so few items were asked that the base may yet turn out to know some."""
    judged = capability.kind != "information"
    return judged and capability.verdict is None and capability.n < _HEADROOM_ITEMS
