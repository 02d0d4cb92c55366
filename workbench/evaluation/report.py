"""report.json: what was measured on the base and on the tuned model, item by item."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core.contained import ContainedFolder
from workbench.core.errors import BadInputError, NotFoundError
from workbench.core.redaction import scrub
from workbench.evaluation.suites.items import ItemResult, Size, SuiteFacts
from workbench.evaluation.suites.target_metrics import score
from workbench.recipe.evaluation import TargetMetric
from workbench.recipe.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.runs.folder import RunFolder


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class TargetItem(_Record):
    """The answer to one held-out row of the target task.

    Attributes:
        prompt: Last user message of the row.
        label: The right answer, or the label field that stands for it.
        answer: The model's answer.
        metric: How answer and label are compared.
    """

    prompt: str
    label: str
    answer: str
    metric: TargetMetric = "contains"

    @property
    def score(self) -> float:
        """Score of the answer, 0 to 1."""
        return score(self.metric, self.answer, self.label)


class TextResult(_Record):
    """Loss and KL on one sequence of held-out text.

    Attributes:
        tokens: Number of predicted tokens.
        nll: Mean negative log-likelihood, nats per token.
        kl: Mean KL(base ‖ model), nats per token; 0 for the base itself.
        openings: Number of answers that begin in this sequence; 0 for text without a prompt.
        opening_kl: Mean KL over the first token of each answer, nats.
    """

    tokens: int
    nll: float
    kl: float = 0.0
    openings: int = 0
    opening_kl: float = 0.0

    @property
    def body_tokens(self) -> int:
        """Number of predicted tokens that do not begin an answer."""
        return self.tokens - self.openings

    @property
    def body_kl(self) -> float:
        """Mean KL over the tokens that do not begin an answer, nats per token; 0 without any."""
        if not self.body_tokens:
            return 0.0
        return (self.tokens * self.kl - self.openings * self.opening_kl) / self.body_tokens


class Measurement(_Record):
    """Everything measured on one model; base and tuned model are asked the same.

    Attributes:
        heldout_nll: Nats per labelled token on held-out rows; None without held-out rows.
        target: Answers to held-out rows of the target task.
        answers: Answers to the general prompts.
        items: Results of probe items, in the order of the suites.
        general: Held-out general text, sequence by sequence.
        task: Held-out rows of the target task as text, sequence by sequence.
    """

    heldout_nll: float | None = None
    target: tuple[TargetItem, ...] = ()
    answers: tuple[str, ...] = ()
    items: tuple[ItemResult, ...] = ()
    general: tuple[TextResult, ...] = ()
    task: tuple[TextResult, ...] = ()

    @property
    def target_score(self) -> float | None:
        """Mean score of the held-out rows, 0 to 1; None where none was answered."""
        if not self.target:
            return None
        return sum(item.score for item in self.target) / len(self.target)


class Noise(_Record):
    """The base measured twice, in batches of another size: differences below this mean nothing.

    Attributes:
        kl: Mean KL on general text, nats per token.
        changed: Probe items whose score changed.
        items: Probe items that were asked again, with options and with generated answers.
    """

    kl: float
    changed: int
    items: int


class Report(_Record):
    """Base and tuned model side by side: the evidence from which all findings are computed.

    Attributes:
        prompts: The general prompts that ``answers`` belong to.
        before: The untouched base.
        after: The tuned model.
        size: Suite size that was asked; empty if none was.
        suites: The suites that were asked, in order.
        boilerplate: Phrases that are frequent in the training answers.
        noise: None where the base was not measured twice.
        heldout_rows: Number of held-out rows, of which ``target`` were answered; 0 if unknown.
        contaminated: Probe items found in the training or replay data, as ``suite/id``.
        notes: Remarks on how the measurement was made, in sentences.
        look: With ``evaluation.size: auto``, which look at the data this is; 0 for a fixed size.
        looks: How many looks are allowed at most; 0 for a fixed size.
        limits: What may be lost, from the recipe.
        thinking: How a model that thinks before it answers was kept from it, on both sides.
        prompt_form: Whether prompts were asked as a chat, or to be completed.
    """

    prompts: tuple[str, ...]
    before: Measurement
    after: Measurement
    size: Size | Literal["", "auto"] = ""
    suites: tuple[SuiteFacts, ...] = ()
    boilerplate: tuple[str, ...] = ()
    noise: Noise | None = None
    heldout_rows: int = 0
    contaminated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    look: int = 0
    looks: int = 0
    limits: Limits = Limits()
    thinking: Literal["", "off", "stripped"] = ""
    prompt_form: Literal["chat", "completion"] = "chat"

    def save(self, path: Path) -> None:
        """Replace ``path`` atomically, without secrets and the path of the home folder."""
        ContainedFolder(path.parent).write_atomic(path, scrub(self.model_dump_json(indent=1)))


def token_mean(texts: Sequence[TextResult], values: Sequence[float]) -> float | None:
    """Mean over all tokens of one per-token value per sequence: sum(n_i v_i) / sum(n_i).

    None where there is no text.
    """
    tokens = sum(text.tokens for text in texts)
    if not tokens:
        return None
    return sum(text.tokens * value for text, value in zip(texts, values, strict=True)) / tokens


def opening_mean(texts: Sequence[TextResult]) -> float | None:
    """Mean KL over the first token of every answer, nats; None where no answer begins."""
    openings = sum(text.openings for text in texts)
    if not openings:
        return None
    return sum(text.openings * text.opening_kl for text in texts) / openings


def body_mean(texts: Sequence[TextResult]) -> float | None:
    """Mean KL over all tokens that begin no answer, nats per token; None without such tokens."""
    tokens = sum(text.body_tokens for text in texts)
    if not tokens:
        return None
    return sum(text.body_tokens * text.body_kl for text in texts) / tokens


def token_mean_error(texts: Sequence[TextResult], values: Sequence[float]) -> float | None:
    """Standard error of :func:`token_mean` over sequences; None for fewer than two.

    That of a ratio estimator, with n sequences of t_i tokens and mean m:
    √(n / (n - 1) · Σ (t_i·(v_i - m))²) / Σ t_i (Cochran, Sampling Techniques, chapter 2).
    """
    mean = token_mean(texts, values)
    if mean is None or len(texts) < 2:
        return None
    squares = sum(
        (text.tokens * (value - mean)) ** 2 for text, value in zip(texts, values, strict=True)
    )
    tokens = sum(text.tokens for text in texts)
    return math.sqrt(len(texts) / (len(texts) - 1) * squares) / tokens


def read_report(run: RunFolder) -> Report:
    """Read the report of a finished run.

    Raises:
        NotFoundError: The run has no report (yet).
        BadInputError: The report cannot be read, or a number in it is missing.
    """
    if not run.files.is_file(run.report):
        raise NotFoundError(f"{run.id} has no report{_reason_for_no_report(run)}")
    return read_report_file(run.report)


def read_report_file(file: Path) -> Report:
    """Read a report from a file, such as that of a checkpoint.

    Raises:
        BadInputError: The report cannot be read, or a number in it is missing.
    """
    try:
        return Report.model_validate_json(ContainedFolder(file.parent).read_bytes(file))
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInputError(
            f"{file}: not a valid report: {place}: {first['msg']}; 'ftwb evaluate' writes a new one"
        ) from error


def _reason_for_no_report(run: RunFolder) -> str:
    status = run.status()
    if status.live:
        return f" yet: it is {status.state} and is evaluated at its end"
    remedy = f"; 'ftwb evaluate {run.id}' measures it" if run.has_result() else ""
    return f": it is {status.state}{remedy}"
