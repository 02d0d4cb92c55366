"""Hand-made reports: how many items of each suite were kept, lost, gained and never known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.evaluation.analysis.comparison import JudgedRun
from workbench.evaluation.analysis.findings import (
    BenchmarkScore,
    Findings,
    Interval,
    TargetTask,
)
from workbench.evaluation.report import Measurement, Report, TargetItem, TextResult
from workbench.evaluation.suites.items import ItemResult, SuiteFacts
from workbench.recipe.recipe import Recipe

if TYPE_CHECKING:
    from typing import Any

    from workbench.evaluation.suites.items import Measures


class Suite(NamedTuple):
    name: str
    kept: int = 0
    lost: int = 0
    gained: int = 0
    never: int = 0
    measures: Measures = "knowledge"
    chance: float = 0.0

    @property
    def scores(self) -> list[tuple[int, int]]:
        return ([(1, 1)] * self.kept + [(1, 0)] * self.lost + [(0, 1)] * self.gained) + [
            (0, 0)
        ] * self.never

    @property
    def facts(self) -> SuiteFacts:
        title = self.name.replace("_", " ").capitalize()
        return SuiteFacts(name=self.name, title=title, measures=self.measures, chance=self.chance)


BENCHMARK = BenchmarkScore(
    task="arc_[easy]",
    metric="acc",
    version="1.0",
    few_shot=0,
    n=100,
    of=2376,
    higher_is_better=True,
    before=0.5,
    after=0.43,
    before_error=0.05,
    after_error=0.0495,
    change=Interval(value=-0.07, low=-0.13, high=-0.01),
    lost=9,
    gained=2,
    p=0.065,
)
"""A standard benchmark's score, before and after."""

QUICK = (
    Suite("knowledge", kept=14, never=10, chance=0.25),
    Suite("reasoning", kept=4, never=12, chance=0.25),  # no headroom
    Suite("instructions", kept=10, never=8, measures="behaviour"),
    Suite("formats", kept=6, never=6, measures="behaviour"),
    Suite("safety_harmful", never=12, measures="safety"),  # refuses nothing
    Suite("safety_harmless", kept=12, measures="safety"),
    Suite("creative", kept=3, never=3, measures="information"),
)


def texts(kl: float, rise: float = 0.0, sequences: int = 16) -> tuple[TextResult, ...]:
    """Sequences of 10, 20, … tokens, all with the same KL and the same rise of the loss."""
    return tuple(
        TextResult(tokens=10 * place, nll=3.0 + 0.01 * place + rise, kl=kl)
        for place in range(1, sequences + 1)
    )


def task(right: int, of: int = 50) -> tuple[TargetItem, ...]:
    return tuple(
        TargetItem(prompt=f"q{place}", label="yes", answer="yes" if place < right else "no")
        for place in range(of)
    )


def items(*suites: Suite, side: int, says: str = "") -> tuple[ItemResult, ...]:
    return tuple(
        ItemResult(
            suite=suite.name,
            id=f"i{place}",
            prompt=f"{suite.name} {place}?",
            score=pair[side],
            answer=says or f"{pair[side]}",
        )
        for suite in suites
        for place, pair in enumerate(suite.scores)
    )


def make_report(*suites: Suite, kl: float = 0.1, rise: float = 0.05, **more: Any) -> Report:
    """A report of a tuned model that learned its task, with the results of these suites."""
    values: dict[str, Any] = {
        "prompts": ("p",),
        "before": Measurement(
            heldout_nll=2.5,
            target=task(1),
            answers=("Plants",),
            items=items(*suites, side=0),
            general=texts(0),
            task=texts(0),
        ),
        "after": Measurement(
            heldout_nll=1.5,
            target=task(45),
            answers=("Plants",),
            items=items(*suites, side=1),
            general=texts(kl, rise),
            task=texts(4 * kl),
        ),
        "size": "quick",
        "suites": tuple(suite.facts for suite in suites),
    }
    return Report(**(values | more))


def base_again(*suites: Suite, **more: Any) -> Report:
    """The base against itself."""
    report = make_report(*suites, **more)
    return report.model_copy(update={"after": report.before})


def by_name(findings: Findings) -> dict[str, str | None]:
    return {each.name: each.verdict for each in findings.capabilities}


def judged_run(
    run: str, score: float | None, index: float | None, kl: float, **recipe: Any
) -> JudgedRun:
    """A run with these findings and a recipe of its own name."""

    def near(value: float) -> Interval:
        return Interval(value=value, low=value - 0.1, high=value + 0.1)

    findings = Findings(
        verdict="PASS",
        sentence="",
        margin=0.1,
        retention_index=None if index is None else near(index),
        kl_general=near(kl),
        kl_task=None,
        delta_nll=near(kl / 2),
        domain_leak=None,
        target_task=TargetTask(
            name="target task", n=50, before=0.1, after=score, nll_before=3.0, nll_after=1.0 + kl
        ),
        capabilities=(),
        items=(),
        noise_floor=None,
    )
    return JudgedRun(run, Recipe.model_validate({"name": run, **recipe}), findings)
