"""report.json: what was measured before and after, item by item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core import files
from workbench.core.errors import BadInputError, NotFoundError
from workbench.core.redaction import scrub
from workbench.evaluation.suites.items import ItemResult, Measures, Size
from workbench.evaluation.suites.target_metrics import score
from workbench.recipe.evaluation import TargetMetric

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder


class TargetItem(BaseModel):
    """One held-out row.

    Attributes:
        prompt: What was asked.
        label: The right answer, or the part of it that counts.
        answer: What the model said.
        metric: How the two are compared.
    """

    model_config = ConfigDict(frozen=True)

    prompt: str
    label: str
    answer: str
    metric: TargetMetric = "contains"

    @property
    def score(self) -> float:
        """How right the answer is, 0 to 1."""
        return score(self.metric, self.answer, self.label)


class TextResult(BaseModel):
    """How one sequence of held-out text fares.

    Attributes:
        tokens: How many are predicted.
        nll: Mean negative log-likelihood, nats per token.
        kl: Mean KL of the base to this model, nats per token; a lower bound from the base's most
            likely tokens. 0 for the base itself.
    """

    model_config = ConfigDict(frozen=True)

    tokens: int
    nll: float
    kl: float = 0.0


class Measurement(BaseModel):
    """What one model did: the same questions before and after.

    Attributes:
        heldout_nll: Nats per labelled token; None without held-out rows.
        target: Held-out rows of the target task.
        answers: To the general prompts.
        items: Probe items, in the order of the suites.
        general: Held-out general text, sequence by sequence.
        task: Held-out rows of the target task as text, sequence by sequence.
    """

    model_config = ConfigDict(frozen=True)

    heldout_nll: float | None = None
    target: tuple[TargetItem, ...] = ()
    answers: tuple[str, ...] = ()
    items: tuple[ItemResult, ...] = ()
    general: tuple[TextResult, ...] = ()
    task: tuple[TextResult, ...] = ()

    @property
    def target_score(self) -> float | None:
        """Mean score of the held-out rows, 0 to 1."""
        if not self.target:
            return None
        return sum(item.score for item in self.target) / len(self.target)


class SuiteFacts(BaseModel):
    """What a reader must know of a suite to judge its results.

    Attributes:
        name: What the items' results call it.
        title: For people.
        measures: What a fall of its score means.
        chance: Mean score of a model that knows nothing, 0 to 1.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    measures: Measures
    chance: float = 0.0


class Noise(BaseModel):
    """The base against itself in batches of another size: what no comparison can see below.

    Attributes:
        kl: Mean KL on general text, nats per token.
        changed: Probe items whose score changed.
        items: Probe items asked again.
    """

    model_config = ConfigDict(frozen=True)

    kl: float
    changed: int
    items: int


class Report(BaseModel):
    """Before and after, side by side: the evidence, from which all findings are computed.

    Attributes:
        prompts: The general prompts that ``answers`` belong to.
        before: The untouched base.
        after: The result.
        size: How many items of each suite were asked; empty for none.
        suites: The suites that were asked, in order.
        boilerplate: Phrases frequent in the answers that were taught.
        noise: None where the base was not measured twice.
        heldout_rows: All held-out rows, of which ``target`` were answered; 0 where that is unknown.
        contaminated: Probe items found in the training or replay data, as ``suite/id``.
        notes: How it came about, where that was not the usual way, in sentences.
    """

    model_config = ConfigDict(frozen=True)

    prompts: tuple[str, ...]
    before: Measurement
    after: Measurement
    size: Size | Literal[""] = ""
    suites: tuple[SuiteFacts, ...] = ()
    boilerplate: tuple[str, ...] = ()
    noise: Noise | None = None
    heldout_rows: int = 0
    contaminated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Replace ``path`` in one step, without tokens and the path of the home folder."""
        files.write_atomic(path, scrub(self.model_dump_json(indent=1)))


def read_report(run: RunFolder) -> Report:
    """The report of a finished run.

    Raises:
        NotFoundError: The run has none (yet).
        BadInputError: It cannot be read, or a number in it is missing.
    """
    if not run.report.is_file():
        raise NotFoundError(f"{run.id} has no report{_why_not(run)}")
    return read_report_file(run.report)


def _why_not(run: RunFolder) -> str:
    status = run.status()
    if status.live:
        return f" yet: it is {status.state}, and is measured at its end"
    remedy = f"; 'ftwb evaluate {run.id}' measures it" if run.has_result() else ""
    return f": it is {status.state}{remedy}"


def read_report_file(file: Path) -> Report:
    """A report, such as that of a checkpoint.

    Raises:
        BadInputError: It cannot be read, or a number in it is missing.
    """
    try:
        return Report.model_validate_json(file.read_bytes())
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInputError(
            f"{file}: cannot be judged: {place}: {first['msg']}; 'ftwb evaluate' measures anew"
        ) from error
