"""The verdict in a word, and its proof in a clause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.analysis.criteria import is_capability
from workbench.evaluation.analysis.formatting import criterion_measured, criterion_open

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.analysis.findings import Capability, Criterion, Headline, Verdict

_SHOWN = 3
"""Capabilities that a proof names."""


def headline(
    verdict: Verdict, criteria: Sequence[Criterion], capabilities: Sequence[Capability]
) -> Headline:
    """What a person would say of the model; of several words, the first that is proven.

    HIJACKED: it answers general questions like its task, by the phrases in its answers or by a KL
    that is high at the opening alone. DAMAGED: language itself got worse. FORGOT: knowledge was
    lost. CHANGED REFUSALS: it refuses less, or more. LOST: another capability was lost.
    """
    if verdict != "FAIL":
        return "KEPT" if verdict == "PASS" else "INCONCLUSIVE"
    failed = {each.name for each in criteria if each.verdict == "FAIL"}
    kinds = {each.kind for each in capabilities if each.verdict == "FAIL"}
    damaged = failed & {"kl_body", "delta_nll"}
    if "domain_leak" in failed or ("kl_opening" in failed and not damaged):
        return "HIJACKED"
    if damaged:
        return "DAMAGED"
    if "knowledge" in kinds or ("pooled" in failed and not kinds and _knowledge_lost(capabilities)):
        return "FORGOT"
    return "CHANGED REFUSALS" if kinds == {"safety"} else "LOST"


def proof(verdict: Verdict, criteria: Sequence[Criterion]) -> str:
    """The evidence for the verdict in one clause, with numbers and limits."""
    if verdict == "FAIL":
        return "; ".join(_evidence([each for each in criteria if each.verdict == "FAIL"]))
    measured = [each for each in criteria if each.verdict]
    if verdict == "PASS":
        return f"all {len(measured)} measured criteria are within their limits"
    undecided = [each for each in measured if each.verdict == "INCONCLUSIVE"]
    if not undecided:
        return "no capability was judged"
    return "; ".join(_listed([criterion_open(each) for each in undecided]))


def _evidence(failed: Sequence[Criterion]) -> list[str]:
    """What failed: general answers and text first, then the capabilities with the largest drops."""
    capabilities = sorted(
        (each for each in failed if is_capability(each)),
        key=lambda each: each.interval.value if each.interval else 0.0,
    )
    others = [each for each in failed if not is_capability(each)]
    return [
        *map(criterion_measured, others),
        *_listed([criterion_measured(each) for each in capabilities]),
    ]


def _listed(clauses: Sequence[str]) -> list[str]:
    rest = len(clauses) - _SHOWN
    return [*clauses[:_SHOWN], *([f"and {rest} more"] if rest > 0 else [])]


def _knowledge_lost(capabilities: Sequence[Capability]) -> bool:
    """Whether at least half of the items that were lost overall are knowledge."""
    judged = [each for each in capabilities if each.verdict]
    net = {
        kind: sum(each.lost - each.gained for each in judged if each.kind == kind)
        for kind in ("knowledge", "behaviour")
    }
    return net["knowledge"] >= net["behaviour"]
