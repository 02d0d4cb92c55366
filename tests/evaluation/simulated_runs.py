"""Runs whose true change is known: simulated answers to the shipped suites, and the verdicts."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.stats import norm

from workbench.evaluation.analysis import sequential
from workbench.evaluation.analysis.capabilities import SuiteScores, judge_capabilities
from workbench.evaluation.analysis.criteria import capability_criterion, overall
from workbench.evaluation.analysis.findings import Findings, TargetTask
from workbench.evaluation.analysis.margins import MARGINS, Margins
from workbench.evaluation.analysis.statistics import PairedScores
from workbench.evaluation.suites.suites import shipped_suites

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.random import Generator

    from workbench.evaluation.analysis.findings import Verdict
    from workbench.evaluation.suites.items import Item, Size, SuiteFacts
    from workbench.evaluation.suites.suites import Suite

AnySize = Literal["quick", "standard", "full", "auto"]
_SIZES: tuple[Size, ...] = ("quick", "standard", "full")

RIGHT = 0.7
"""Share of the items that the base answers rightly."""


class World(NamedTuple):
    """What is true of a simulated run.

    Attributes:
        churn: Share of items that change by chance, half of them in each direction.
        loss: Share of the items of a suite that are lost beyond that, by suite; 0 for others.
        alike: Correlation of the changes of the items of a cluster, on a normal scale.
    """

    churn: float
    loss: Mapping[str, float]
    alike: float = 0.0


class Decided(NamedTuple):
    """The verdict on one simulated run, and the items it took."""

    verdict: Verdict
    asked: int


class _Shape(NamedTuple):
    """A suite without its questions."""

    facts: SuiteFacts
    sizes: tuple[Size, ...]
    clusters: tuple[str, ...]


@cache
def suite_shapes() -> tuple[_Shape, ...]:
    """The shipped suites, the items of smaller sizes first."""
    return tuple(map(_shape, shipped_suites()))


def decide(world: World, size: AnySize, random: Generator) -> Decided:
    """Simulate one run and judge its items; text and leak are taken to be within their limits."""
    answers = {shape.facts.name: _answers(shape, world, random) for shape in suite_shapes()}
    if size == "auto":
        return _decide_by_looks(answers)
    included = _SIZES[: _SIZES.index(size) + 1]
    asked = {
        shape.facts.name: sum(item in included for item in shape.sizes) for shape in suite_shapes()
    }
    findings = _judge(answers, asked, MARGINS[size], sequential.level(0, 0))
    return Decided(findings.verdict, sum(asked.values()))


def shares(
    world: World, size: AnySize, runs: int, seed: int = 1
) -> tuple[dict[Verdict, float], float]:
    """How often each verdict is reached, and the mean number of items asked."""
    random = np.random.default_rng(seed)
    decided = [decide(world, size, random) for _ in range(runs)]
    counts = Counter(each.verdict for each in decided)
    states: tuple[Verdict, ...] = ("PASS", "FAIL", "INCONCLUSIVE")
    asked = float(np.mean([each.asked for each in decided]))
    return {state: counts[state] / runs for state in states}, asked


def no_loss(churn: float, alike: float = 0.0) -> World:
    """Nothing is lost; some items change by chance."""
    return World(churn, {}, alike)


def loss_everywhere(share: float, churn: float = 0.05) -> World:
    """Every suite loses the same share of its items."""
    return World(churn, {shape.facts.name: share for shape in suite_shapes()})


def _decide_by_looks(answers: Mapping[str, PairedScores]) -> Decided:
    """Ask in batches, and only the suites that are still undecided."""
    pools = {name: pairs.n for name, pairs in answers.items()}
    asked = dict.fromkeys(pools, 0)
    open_suites = frozenset(pools)
    looks = len(sequential.LOOKS)
    for look, share in enumerate(sequential.LOOKS, 1):
        asked |= {name: math.ceil(share * pools[name]) for name in open_suites}
        level = sequential.level(look, looks)
        findings = _judge(answers, asked, MARGINS["auto"], level)
        open_suites = sequential.undecided(findings)
        if not open_suites:
            break
    return Decided(findings.verdict, sum(asked.values()))


def _judge(
    answers: Mapping[str, PairedScores], asked: Mapping[str, int], margin: float, level: float
) -> Findings:
    suites = [
        SuiteScores(shape.facts, _first(answers[shape.facts.name], asked[shape.facts.name]))
        for shape in suite_shapes()
    ]
    capabilities, pooled = judge_capabilities(suites, Margins(margin), level=level)
    judged = [each for each in capabilities if each.kind != "information"]
    criteria = (*([pooled] if pooled else []), *map(capability_criterion, judged))
    return Findings(
        verdict=overall(criteria),
        sentence="",
        margin=margin,
        criteria=criteria,
        retention_index=None,
        kl_general=None,
        kl_task=None,
        delta_nll=None,
        domain_leak=None,
        target_task=TargetTask(
            name="", n=0, before=None, after=None, nll_before=None, nll_after=None
        ),
        capabilities=tuple(capabilities),
        items=(),
        noise_floor=None,
    )


def _first(pairs: PairedScores, n: int) -> PairedScores:
    return PairedScores(pairs.before[:n], pairs.after[:n], clusters=pairs.clusters[:n])


def _answers(shape: _Shape, world: World, random: Generator) -> PairedScores:
    """Base and tuned answers to all items of a suite, in the order of the sizes.

    An item is lost if its uniform draw is at the bottom, gained if it is at the top; the draws of a
    cluster are correlated (Gaussian copula).
    """
    n = len(shape.clusters)
    names, cluster = np.unique(shape.clusters, return_inverse=True)
    shared, own = random.standard_normal(len(names))[cluster], random.standard_normal(n)
    draw = norm.cdf(math.sqrt(world.alike) * shared + math.sqrt(1 - world.alike) * own)
    before = random.random(n) < RIGHT
    lost = world.churn / 2 + world.loss.get(shape.facts.name, 0.0)
    is_lost = before & (draw < lost / RIGHT)
    is_gained = ~before & (draw > 1 - world.churn / 2 / (1 - RIGHT))
    after = (before & ~is_lost) | is_gained
    return PairedScores(
        tuple(before.astype(float).tolist()),
        tuple(after.astype(float).tolist()),
        clusters=shape.clusters,
    )


def _shape(suite: Suite) -> _Shape:
    items = sorted(suite.items, key=lambda item: _SIZES.index(item.size))
    return _Shape(
        facts=suite.facts("full").model_copy(update={"chance": 0.0}),
        sizes=tuple(item.size for item in items),
        clusters=_clusters(suite.name, items),
    )


def _clusters(suite: str, items: Sequence[Item]) -> tuple[str, ...]:
    """Generated items share a template or a content."""
    if suite == "formats":
        return tuple(item.id.rpartition("-")[0] for item in items)
    if suite in ("arithmetic", "reasoning"):
        return tuple(item.field for item in items)
    return tuple(item.id for item in items)
