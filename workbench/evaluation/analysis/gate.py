"""The gate of a deployment pipeline: the verdict on a run as an exit code.

It fails closed: whatever cannot be judged is an error, never a pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from workbench.core.errors import FtwbError
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.band import BandPart, band
from workbench.evaluation.analysis.findings import (
    Capability,
    Criterion,
    Headline,
    NextStep,
    Verdict,
)
from workbench.evaluation.analysis.next_steps import next_steps
from workbench.evaluation.report import read_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.runs.folder import Runs

EXIT_CODES: dict[Verdict | Literal["ERROR"], int] = {
    "PASS": 0,
    "FAIL": 1,
    "INCONCLUSIVE": 2,
    "ERROR": 3,
}


class Decision(BaseModel):
    """The gate's decision on a run.

    Attributes:
        run: Id of the run, or the name as given if there is no such run.
        verdict: ERROR if nothing could be judged.
        outcome: The verdict in a word; empty without findings.
        sentence: The verdict in words, or what went wrong.
        proof: The evidence in one clause.
        band: What is shown first: verdict, learned, leak, KL and the next step.
        margin: Tolerated loss over all items, 0 to 1; None without findings.
        criteria: Everything the verdict rests on, measured or not.
        capabilities: The judged capabilities, in the order of the suites.
        next_steps: What to do now, with commands.
        exit_code: 0 pass, 1 fail, 2 inconclusive, 3 error.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    verdict: Verdict | Literal["ERROR"]
    sentence: str
    outcome: Headline | Literal[""] = ""
    proof: str = ""
    band: tuple[BandPart, ...] = ()
    margin: float | None = None
    criteria: tuple[Criterion, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    exit_code: int


def decide(
    runs: Runs,
    name: str,
    margin: float | None = None,
    limits: Mapping[str, float] | None = None,
) -> Decision:
    """Judge a run by its report; errors on the way give a decision too.

    Args:
        runs: Where the run is.
        name: Its id, a unique part of it, or ``last``.
        margin: Tolerated loss, 0 to 1; None for the limits of the recipe, or where they say nothing
            for what the number of items allows.
        limits: Fields of ``evaluation.limits`` that override those of the recipe.
    """
    try:
        run = runs.find(name)
        findings = analyse(read_report(run), margin=margin, limits=limits)
        findings = findings.model_copy(update={"next_steps": next_steps(findings, run)})
    except FtwbError as error:
        return Decision(
            run=name, verdict="ERROR", sentence=str(error), exit_code=EXIT_CODES["ERROR"]
        )
    return Decision(
        run=run.id,
        verdict=findings.verdict,
        outcome=findings.outcome,
        sentence=findings.sentence,
        proof=findings.proof,
        band=band(findings),
        margin=findings.margin,
        criteria=findings.criteria,
        capabilities=tuple(each for each in findings.capabilities if each.verdict),
        next_steps=findings.next_steps,
        exit_code=EXIT_CODES[findings.verdict],
    )
