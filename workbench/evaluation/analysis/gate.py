"""The gate of a deployment pipeline: the verdict on a run as an exit code.

It fails closed: whatever cannot be judged is an error, never a pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from workbench.core.errors import FtwbError
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.findings import Capability, Verdict
from workbench.evaluation.report import read_report

if TYPE_CHECKING:
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
        sentence: The verdict in words, or what went wrong.
        margin: Tolerated loss, 0 to 1; None without findings.
        capabilities: The judged capabilities, in the order of the suites.
        exit_code: 0 pass, 1 fail, 2 inconclusive, 3 error.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    verdict: Verdict | Literal["ERROR"]
    sentence: str
    margin: float | None = None
    capabilities: tuple[Capability, ...] = ()

    exit_code: int


def decide(runs: Runs, name: str, margin: float | None = None) -> Decision:
    """Judge a run by its report; errors on the way give a decision too.

    Args:
        runs: Where the run is.
        name: Its id, a unique part of it, or ``last``.
        margin: Tolerated loss, 0 to 1; None for the margin of the report's size.
    """
    try:
        run = runs.find(name)
        findings = analyse(read_report(run), margin=margin)
    except FtwbError as error:
        return Decision(
            run=name, verdict="ERROR", sentence=str(error), exit_code=EXIT_CODES["ERROR"]
        )
    return Decision(
        run=run.id,
        verdict=findings.verdict,
        sentence=findings.sentence,
        margin=findings.margin,
        capabilities=tuple(each for each in findings.capabilities if each.verdict),
        exit_code=EXIT_CODES[findings.verdict],
    )
