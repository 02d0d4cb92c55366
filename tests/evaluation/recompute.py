"""The numbers of a report page, computed once more from report.json by other code.

    python -m tests.evaluation.recompute RUN/report.json

Reads plain JSON and shares no line with ``workbench.evaluation.analysis``: tests of scipy, roots of
the score statistic with a numerically constrained likelihood, and a bootstrap of its own.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest

Numbers = dict[str, float]


def recompute(report: dict[str, Any]) -> dict[str, Numbers]:
    """Numbers by capability or measure."""
    numbers = {}
    for suite in report["suites"]:
        pairs = _pairs(report, suite["name"])
        if pairs:
            numbers[suite["title"]] = _capability(pairs)
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


def _pairs(report: dict[str, Any], suite: str) -> list[tuple[float, float, str]]:
    """Score before, score after and cluster of each item that is judged."""
    after = {item["id"]: item for item in report["after"]["items"] if item["suite"] == suite}
    out = set(report.get("contaminated", ()))
    return [
        (item["score"], after[item["id"]]["score"], item.get("cluster") or f"its own {item['id']}")
        for item in report["before"]["items"]
        if item["suite"] == suite and f"{suite}/{item['id']}" not in out
    ]


def _capability(pairs: list[tuple[float, float, str]]) -> Numbers:
    changes = np.array([after - before for before, after, _ in pairs])
    lost, gained, n = int((changes < 0).sum()), int((changes > 0).sum()), len(pairs)
    sums: dict[str, float] = defaultdict(float)
    for change, (_, _, cluster) in zip(changes, pairs, strict=True):
        sums[cluster] += change - changes.mean()
    effect = 1.0
    if 1 < len(sums) < n and changes.std():
        together = float(np.square(list(sums.values())).sum())
        effect = max(1.0, len(sums) / (len(sums) - 1) * together / (n * changes.var()))
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
