"""The user's judgements of tuned answers beside the base's: ``chats/annotations.jsonl``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal
from uuid import uuid4
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.chat.protocol import Sampling

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.chat.dialogue import Exchange
    from workbench.runs.folder import RunFolder

Judgement = Literal["kept", "lost", "improved"]


class Annotation(BaseModel):
    """One judged exchange.

    Attributes:
        exchange: Identifies the exchange; the newest annotation of an exchange counts.
        time: When it was judged, in seconds since the epoch.
        judgement: The tuned answer against the base's; None withdraws an earlier judgement.
        system: The system prompt; empty for none.
        answers: By lane.
        blind: Whether it was judged without knowing which model gave which answer.
        strengths: Each lane's strength from base (0) to tuned (1), where it could be chosen.
    """

    model_config = ConfigDict(frozen=True)

    exchange: str
    time: float
    judgement: Judgement | None
    prompt: str
    system: str = ""
    answers: dict[str, str]
    blind: bool = False
    strengths: dict[str, float] = {}
    sampling: Sampling = Sampling()


class Annotations:
    """The annotations of this chat's exchanges; each is written to disk as it is made."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._newest: WeakKeyDictionary[Exchange, Annotation] = WeakKeyDictionary()

    def of(self, exchange: Exchange) -> Annotation | None:
        """The annotation of an exchange; None if it has none or it was withdrawn."""
        newest = self._newest.get(exchange)
        return newest if newest and newest.judgement else None

    def add(self, exchange: Exchange, judgement: Judgement | None, *, blind: bool = False) -> None:
        """Judge an exchange, or withdraw its judgement with None.

        Raises:
            MachineError: It cannot be written; the earlier judgement stays.
        """
        earlier = self._newest.get(exchange)
        annotation = Annotation(
            exchange=earlier.exchange if earlier else uuid4().hex,
            time=time.time(),
            judgement=judgement,
            prompt=exchange.prompt,
            system=exchange.settings.system,
            answers={lane: done.text for lane, done in exchange.ordered_answers.items()},
            blind=blind,
            strengths=dict(exchange.strengths),
            sampling=exchange.settings.sampling,
        )
        add_annotation(self._run, annotation)
        self._newest[exchange] = annotation

    def toggled(self, exchange: Exchange, judgement: Judgement) -> Judgement | None:
        """The judgement after its key was pressed: a second press withdraws it."""
        current = self.of(exchange)
        return None if current and current.judgement == judgement else judgement


def annotations_file(run: RunFolder) -> Path:
    """The file of a run's annotations."""
    return run.chats / "annotations.jsonl"


def add_annotation(run: RunFolder, annotation: Annotation) -> None:
    """Append an annotation; earlier ones of the same exchange stay in the file and do not count.

    Raises:
        MachineError: The disk is full or the folder is not writable.
    """
    run.files.append_line(annotations_file(run), annotation.model_dump_json())


def read_annotations(run: RunFolder) -> tuple[Annotation, ...]:
    """The annotations that count, in the order in which their exchanges were first judged.

    Torn or foreign lines are skipped, so that a damaged line loses only itself.
    """
    newest: dict[str, Annotation] = {}
    for line in run.files.read_lines(annotations_file(run)):
        try:
            annotation = Annotation.model_validate_json(line)
        except ValidationError:
            continue
        newest[annotation.exchange] = annotation
    return tuple(annotation for annotation in newest.values() if annotation.judgement)
