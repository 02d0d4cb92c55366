"""The numbers of a report page, computed once more from report.json by other code.

    python -m tests.evaluation.recompute RUN/report.json

Reads plain JSON and shares no line with ``workbench.evaluation.analysis``: tests of scipy, roots of
the score statistic with a numerically constrained likelihood, and a bootstrap of its own.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest

Numbers = dict[str, float]
Pairs = list[tuple[float, float, str]]
WORD = r"\w+"


def recompute(report: dict[str, Any]) -> dict[str, Numbers]:
    """Numbers by capability or measure."""
    numbers: dict[str, Numbers] = {}
    pooled: list[Pairs] = []
    shares: list[tuple[Pairs, float]] = []
    for suite in report["suites"]:
        if not (pairs := _pairs(report, suite)):
            continue
        numbers[suite["title"]] = _capability(pairs)
        if suite["measures"] in ("knowledge", "behaviour") and _has_headroom(pairs, suite):
            pooled.append(pairs)
            shares.append((pairs, suite["chance"]))
    if len(pooled) > 1:
        numbers["All items together"] = _together(pooled)
    if shares:
        numbers["Retention index"] = _index(shares)
    if report["boilerplate"]:
        numbers["Domain leak"] = _leak(report)
    general = report["after"]["general"]
    if general:
        base = report["before"]["general"]
        rises = [after["nll"] - before["nll"] for before, after in zip(base, general, strict=True)]
        tokens = [text["tokens"] for text in general]
        numbers["KL to base on general text"] = _mean([text["kl"] for text in general], tokens)
        numbers["Loss on general text"] = _mean(rises, tokens)
    opened = [text for text in general if text.get("openings")]
    if opened:
        openings = [text["openings"] for text in opened]
        bodies = [text["tokens"] - text.get("openings", 0) for text in general]
        body = [
            (text["tokens"] * text["kl"] - text.get("openings", 0) * text.get("opening_kl", 0))
            / (text["tokens"] - text.get("openings", 0))
            for text in general
        ]
        numbers["KL to base at the opening"] = _mean([t["opening_kl"] for t in opened], openings)
        numbers["KL to base of the body"] = _mean(body, bodies)
    return numbers


def _pairs(report: dict[str, Any], suite: dict[str, Any]) -> Pairs:
    """Score before, score after and cluster of each item that is judged."""
    name = suite["name"]
    after = {item["id"]: item for item in report["after"]["items"] if item["suite"] == name}
    out = set(report.get("contaminated", ()))
    clean = [
        item
        for item in report["before"]["items"]
        if item["suite"] == name and f"{name}/{item['id']}" not in out
    ]
    return [
        (item["score"], after[item["id"]]["score"], item.get("cluster") or f"its own {item['id']}")
        for item in _telling(clean, suite["chance"])
    ]


def _telling(items: list[dict[str, Any]], chance: float) -> list[dict[str, Any]]:
    """Without the difficulties that the base knows less than 10 % or more than 95 % of."""
    by_level: dict[str, list[float]] = defaultdict(list)
    for item in items:
        parts = item["id"].split("-")
        if len(parts) > 2 and len(parts[-2]) == 1 and parts[-2].isdigit() and parts[-1].isdigit():
            by_level[parts[-2]].append((item["score"] - chance) / (1 - chance))
    out = {
        level
        for level, known in by_level.items()
        if len(known) >= 12 and not 0.1 <= float(np.mean(known)) <= 0.95
    }
    if len(out) == len(by_level):
        return items
    return [item for item in items if not any(f"-{level}-" in item["id"] for level in out)]


def _has_headroom(pairs: Pairs, suite: dict[str, Any]) -> bool:
    right = [before for before, _, _ in pairs]
    known = (float(np.mean(right)) - suite["chance"]) / (1 - suite["chance"])
    return known >= 0.05 and sum(right) >= 4


def _together(suites: list[Pairs]) -> Numbers:
    """All items, their variance summed over the suites."""
    changes = np.array([after - before for pairs in suites for before, after, _ in pairs])
    within = sum(_design_effect(pairs) * _change_variance(pairs) * len(pairs) for pairs in suites)
    effect = max(1.0, within / float(np.square(changes - changes.mean()).sum()))
    lost, gained, n = int((changes < 0).sum()), int((changes > 0).sum()), len(changes)
    low, high = _score_interval(lost / effect, gained / effect, n / effect)
    return {"value": float(changes.mean()), "low": low, "high": high}


def _index(suites: list[tuple[Pairs, float]]) -> Numbers:
    """Share of the knowledge that is kept, with a bootstrap over clusters and two items more."""
    random = np.random.default_rng(1)
    values, samples = [], []
    for pairs, chance in suites:
        clusters: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        for before, after, cluster in pairs:
            clusters[cluster].append((1.0, before, after))
        sums = np.array([np.sum(items, axis=0) for items in clusters.values()])
        values.append(_kept(sums.sum(0), chance))
        extra = np.array([(1, 1, 1), (1, 1, 0), (1, 0, 1), (1, 0, 0)])
        drawn = np.concatenate([sums, sums, extra])  # each cluster twice, each extra item once
        rows = random.integers(0, len(drawn), (4_000, len(sums)))
        samples.append([_kept(drawn[row].sum(0), chance) for row in rows])
    low, high = np.percentile(np.mean(samples, axis=0), [2.5, 97.5])
    return {"value": float(np.mean(values)), "low": float(low), "high": float(high)}


def _kept(sums: Any, chance: float) -> float:
    before, after = ((right / sums[0] - chance) / (1 - chance) for right in sums[1:])
    return float(after / max(before, 0.05))


def _leak(report: dict[str, Any]) -> Numbers:
    """Share of general answers with a phrase of the training data, after less before.

    Phrases are looked for as consecutive words; markers such as ``[refund]`` are not.
    """
    spoken = {suite["name"] for suite in report["suites"] if suite["measures"] != "knowledge"}

    def leaks(side: str) -> list[bool]:
        items = [item for item in report[side]["items"] if item["suite"] in spoken]
        answers = [*report[side]["answers"], *(item["answer"] for item in items)]
        plain = (f" {' '.join(re.findall(WORD, answer.lower()))} " for answer in answers)
        return [
            any(f" {phrase} " in answer for phrase in report["boilerplate"]) for answer in plain
        ]

    before, after = leaks("before"), leaks("after")
    return {"value": float(np.mean(after) - np.mean(before))}


def _capability(pairs: Pairs) -> Numbers:
    changes = np.array([after - before for before, after, _ in pairs])
    lost, gained, n = int((changes < 0).sum()), int((changes > 0).sum()), len(pairs)
    effect = _design_effect(pairs)
    low, high = _score_interval(lost / effect, gained / effect, n / effect)
    p = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    return {
        "n": n,
        "before": float(np.mean([before for before, _, _ in pairs])),
        "after": float(np.mean([after for _, after, _ in pairs])),
        "change": float(changes.mean()),
        "low": low,
        "high": high,
        "lost": lost,
        "gained": gained,
        "p": p,
    }


def _design_effect(pairs: Pairs) -> float:
    changes = np.array([after - before for before, after, _ in pairs])
    sums: dict[str, float] = defaultdict(float)
    for change, (_, _, cluster) in zip(changes, pairs, strict=True):
        sums[cluster] += change - changes.mean()
    if not 1 < len(sums) < len(pairs) or not changes.std():
        return 1.0
    together = float(np.square(list(sums.values())).sum())
    return max(1.0, len(sums) / (len(sums) - 1) * together / (len(pairs) * changes.var()))


def _change_variance(pairs: Pairs) -> float:
    return float(np.var([after - before for before, after, _ in pairs]))


def _score_interval(lost: float, gained: float, n: float) -> tuple[float, float]:
    """All changes that the score test would not reject; the likelihood is maximised numerically."""

    def statistic(shift: float) -> float:
        edges = max(0.0, -shift) + 1e-12, (1 - shift) / 2 - 1e-12

        def unlikely(loss: float) -> float:
            rates = loss, loss + shift, 1 - 2 * loss - shift
            seen = lost, gained, n - lost - gained
            return -sum(k * math.log(max(r, 1e-300)) for k, r in zip(seen, rates, strict=True) if k)

        loss = minimize_scalar(unlikely, bounds=edges, method="bounded", options={"xatol": 1e-13}).x
        error = math.sqrt((2 * loss + shift - shift**2) / n)
        return ((gained - lost) / n - shift) / error

    change = (gained - lost) / n
    low = brentq(lambda shift: statistic(shift) - 1.959964, -1 + 1e-9, change - 1e-6)
    high = brentq(lambda shift: statistic(shift) + 1.959964, change + 1e-6, 1 - 1e-9)
    return low, high


def _mean(values: list[float], weights: list[int]) -> Numbers:
    """Weighted mean with the percentiles of 20,000 resamples of the sequences."""
    value, weight = np.array(values), np.array(weights, dtype=float)
    rows = np.random.default_rng(0).integers(0, len(value), (20_000, len(value)))
    samples = (value * weight)[rows].sum(1) / weight[rows].sum(1)
    low, high = np.percentile(samples, [2.5, 97.5])
    mean = float((value * weight).sum() / weight.sum())
    return {"value": mean, "low": float(low), "high": float(high)}


def main() -> None:
    for path in sys.argv[1:]:
        numbers = recompute(json.loads(Path(path).read_text(encoding="utf-8")))
        sys.stdout.write(f"{json.dumps(numbers, indent=1, ensure_ascii=False)}\n")


if __name__ == "__main__":
    main()
